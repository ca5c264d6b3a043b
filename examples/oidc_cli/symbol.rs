//! QR symbols: drawn on a terminal or as PNG, read from a PNG.

use std::fs::File;
use std::io::{BufReader, BufWriter, Read as _};
use std::path::Path;

use oidc_proto::qr::QrCode as QrData;
use oidc_proto::{Error, ErrorCode as Core, Schemes};
use qrcode::render::unicode::Dense1x2;
use qrcode::{Color, EcLevel, QrCode};

use crate::failure::{Code, Failure};

/// What a camera's photograph may have, and no more.
const FILE_LIMIT: u64 = 32 * 1024 * 1024;

/// The same in pixels: a file of a few bytes can say that it is as large as a room.
const PIXEL_LIMIT: u64 = 64 * 1024 * 1024;

/// Modules of light around a symbol.
const QUIET: usize = 4;

/// Pixels a module.
const SCALE: usize = 6;

/// How the text of a code begins: `MATRIX` and `IO_ELEMENT_MSC4388` in base64.
const BEGINNINGS: [&str; 2] = ["TUFUUklY", "SU9fRUxFTUVOVF9NU0M0Mzg4"];

const PNG: &[u8] = b"\x89PNG\r\n\x1a\n";

fn symbol(code: &QrData) -> Result<QrCode, Failure> {
    QrCode::with_error_correction_level(code.to_bytes(), EcLevel::L).map_err(|error| Code::QrImage.because(error))
}

/// For a terminal with a dark ground, which is light where the symbol is.
pub(crate) fn draw(code: &QrData) -> Result<String, Failure> {
    Ok(symbol(code)?.render::<Dense1x2>().dark_color(Dense1x2::Dark).light_color(Dense1x2::Light).build())
}

/// As a PNG with one grey channel.
pub(crate) fn write_png(code: &QrData, path: &Path) -> Result<(), Failure> {
    let failed = |error: &dyn std::fmt::Display| Code::QrImage.because(format_args!("{}: {error}", path.display()));
    let symbol = symbol(code)?;
    let (modules, colors) = (symbol.width(), symbol.to_colors());
    let side = (modules + 2 * QUIET) * SCALE;
    let dark = |at: usize| (at / SCALE).checked_sub(QUIET).filter(|module| *module < modules);
    let pixel = |index: usize| match (dark(index % side), dark(index / side)) {
        (Some(x), Some(y)) if colors.get(y * modules + x) == Some(&Color::Dark) => 0,
        _ => 255,
    };
    let pixels: Vec<u8> = (0..side * side).map(pixel).collect();
    let file = File::create(path).map_err(|error| failed(&error))?;
    let width = u32::try_from(side).map_err(|error| failed(&error))?;
    let mut encoder = png::Encoder::new(BufWriter::new(file), width, width);
    encoder.set_color(png::ColorType::Grayscale);
    let mut writer = encoder.write_header().map_err(|error| failed(&error))?;
    writer.write_image_data(&pixels).and_then(|()| writer.finish()).map_err(|error| failed(&error))
}

/// A code from its text, or from a file with that or with its picture.
pub(crate) fn read(what: &str, schemes: Schemes) -> Result<QrData, Failure> {
    let path = Path::new(what);
    if !path.exists() {
        return QrData::from_base64(what.trim(), schemes).map_err(|error| not_a_code(what, error));
    }
    let failed = |error: &dyn std::fmt::Display| Code::QrImage.because(format_args!("{}: {error}", path.display()));
    let file = File::open(path).map_err(|error| failed(&error))?;
    let mut content = Vec::new();
    BufReader::new(file.take(FILE_LIMIT)).read_to_end(&mut content).map_err(|error| failed(&error))?;
    if content.starts_with(PNG) {
        let bytes = decode(&content).map_err(|error| failed(&error))?;
        return Ok(QrData::from_bytes(&bytes, schemes)?);
    }
    let text = std::str::from_utf8(&content).map_err(|_| failed(&"neither a PNG nor text"))?;
    Ok(QrData::from_base64(text.trim(), schemes)?)
}

/// Neither a file nor the text of a code. What looks like a path is told as a file that is missing.
fn not_a_code(what: &str, error: Error) -> Failure {
    let is_damaged = BEGINNINGS.iter().any(|beginning| what.trim_start().starts_with(beginning));
    if is_damaged || !matches!(error.code(), Core::QR_CODE_TEXT | Core::QR_CODE_PREFIX) {
        return error.into();
    }
    if what.contains(['.', '/', '\\']) {
        return Code::QrImage.because(format_args!("{}: no such file", what.escape_debug()));
    }
    error
        .with_hint(
            "There is no such file either: give a PNG file, or the text of the code that the other device shows.",
        )
        .into()
}

/// The bytes of the one symbol in a picture.
fn decode(content: &[u8]) -> Result<Vec<u8>, String> {
    let mut decoder = png::Decoder::new(std::io::Cursor::new(content));
    decoder.set_transformations(png::Transformations::normalize_to_color8());
    let mut reader = decoder.read_info().map_err(|error| error.to_string())?;
    let (width, height) = reader.info().size();
    if u64::from(width) * u64::from(height) > PIXEL_LIMIT {
        return Err("too large".to_owned());
    }
    let mut pixels = vec![0; reader.output_buffer_size().ok_or("too large")?];
    let frame = reader.next_frame(&mut pixels).map_err(|error| error.to_string())?;
    let (width, height) = (frame.width as usize, frame.height as usize);
    let channels = frame.color_type.samples();
    let grey = |x: usize, y: usize| {
        let at = y * frame.line_size + x * channels;
        let samples = pixels.get(at..at + channels).unwrap_or_default();
        match samples {
            [red, green, blue, ..] => luma(*red, *green, *blue),
            [grey, ..] => *grey,
            [] => 255,
        }
    };
    let mut image = rqrr::PreparedImage::prepare_from_greyscale(width, height, grey);
    match image.detect_grids().as_slice() {
        [grid] => {
            let mut bytes = Vec::new();
            grid.decode_to(&mut bytes).map_err(|error| error.to_string())?;
            Ok(bytes)
        }
        [] => Err("no QR code is in it".to_owned()),
        _ => Err("several QR codes are in it".to_owned()),
    }
}

/// As bright as an eye sees it (ITU-R BT.601).
fn luma(red: u8, green: u8, blue: u8) -> u8 {
    let sum = 299 * u32::from(red) + 587 * u32::from(green) + 114 * u32::from(blue);
    u8::try_from(sum / 1000).unwrap_or(u8::MAX)
}
