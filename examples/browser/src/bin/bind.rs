//! Binds the module to JavaScript: `bind MODULE DIRECTORY`.

#[cfg(not(target_family = "wasm"))]
fn main() -> Result<(), String> {
    let mut arguments = std::env::args().skip(1);
    let (Some(module), Some(directory)) = (arguments.next(), arguments.next()) else {
        return Err("bind MODULE DIRECTORY".to_owned());
    };
    let mut bindgen = wasm_bindgen_cli_support::Bindgen::new();
    // The script calls the initialisation with the module's URL or bytes.
    let bound = bindgen.input_path(module).web(true).and_then(|bindgen| bindgen.typescript(false).generate(directory));
    bound.map_err(|error| format!("{error:?}"))
}

#[cfg(target_family = "wasm")]
fn main() {}
