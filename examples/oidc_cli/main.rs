//! A command-line client over `oidc_proto`: log in at an OpenID Provider, keep the session, use it.
//!
//! `cargo run --example oidc_cli -- demo` shows a whole login without a provider, a browser or any configuration. The
//! manual is `docs/cli.md`.

mod args;
mod asked;
mod beside;
mod browse;
mod browser;
mod clients;
mod commands;
mod context;
mod dialog;
mod event;
mod failure;
mod human;
mod keys;
mod known;
mod listener;
mod loopback;
mod options;
mod output;
mod pages;
mod paste;
mod server;
mod session;
mod store;
mod surroundings;
mod symbol;
mod tokens;
mod wish;

use std::process::ExitCode;

use clap::error::{ContextKind, ContextValue};
use clap::{ArgMatches, FromArgMatches as _};

use crate::args::{Cli, Command, QrCommand};
use crate::context::Context;
use crate::dialog::Dialog;
use crate::event::Event;
use crate::failure::{Code, Failure};
use crate::output::{Narration, Output};

fn main() -> ExitCode {
    let parsed = args::command().try_get_matches().and_then(|matches| {
        let path = path(&matches);
        Cli::from_arg_matches(&matches).map(|cli| (cli, path))
    });
    let (cli, path) = match parsed {
        Ok(parsed) => parsed,
        Err(error) => return usage(error),
    };
    let narration = match cli.command {
        Command::Demo(_) => Narration::Aloud,
        // Whoever serves wants to see who comes.
        Command::Serve(_) => Narration::Aside,
        _ if cli.global.verbose => Narration::Aside,
        _ => Narration::Off,
    };
    let out = Output::new(cli.global.json, cli.global.show_tokens, narration);
    let result = run(cli, out).map_err(|failure| match options::of_others(&failure.hint, &path) {
        Some(said) => {
            let hint = format!("{} {said}", failure.hint);
            failure.with_hint(hint)
        }
        None => failure,
    });
    if let Err(failure) = &result {
        out.emit(&Event::error(failure));
    }
    match (output::check_written(), result) {
        (Ok(()), Ok(())) => ExitCode::SUCCESS,
        (Ok(()), Err(failure)) => ExitCode::from(failure.exit),
        (Err(failure), _) => {
            // Standard output is of no use.
            anstream::eprintln!("{}", human::lines(&Event::error(&failure)).1);
            ExitCode::from(failure.exit)
        }
    }
}

/// The command, and the command within it.
fn path(matches: &ArgMatches) -> Vec<String> {
    let inner = matches.subcommand().map(|(name, inner)| (name.to_owned(), inner));
    inner.map_or_else(Vec::new, |(name, inner)| std::iter::once(name).chain(path(inner)).collect())
}

fn run(cli: Cli, out: Output) -> Result<(), Failure> {
    let Cli { global, command } = cli;
    match &command {
        Command::Demo(args) => return commands::demo(global, args, out),
        Command::Serve(args) => return server::serve(args, out),
        Command::Browse { url } => return browse::browse(&context::http(global.timeout)?, url),
        Command::Open { url } => return browser::open(url),
        _ => {}
    }
    let mut context = Context::new(global, out)?;
    // Before anything is begun that could not be ended. What the environment says stops only what sends something.
    if !matches!(command, Command::Status(_) | Command::Token(_)) || context.options.ca_certificate.is_some() {
        context.http()?;
    }
    context.choice = command.choice().cloned().unwrap_or_default();
    let result = dispatch(&mut context, &command).map_err(|failure| context.located(failure));
    context.doubt_metadata(result.is_err());
    result
}

fn dispatch(context: &mut Context, command: &Command) -> Result<(), Failure> {
    match command {
        Command::Discover(args) => commands::discover(context, args),
        Command::Register(args) => commands::register(context, args),
        Command::Login(args) => commands::login(context, args),
        Command::Device(args) => commands::device(context, args),
        Command::ClientCredentials(args) => commands::client_credentials(context, args),
        Command::Status(_) => commands::status(context),
        Command::Token(_) => commands::token(context),
        Command::Refresh(_) => commands::refresh(context),
        Command::Watch(args) => commands::watch(context, args),
        Command::Userinfo(_) => commands::userinfo(context),
        Command::Whoami(_) => commands::whoami(context),
        Command::Account(args) => commands::account(context, args),
        Command::Relogin(args) => commands::relogin(context, args),
        Command::Qr(QrCommand::Login(args)) => commands::qr::login(context, &mut Dialog::at_terminal()?, args),
        Command::Qr(QrCommand::Grant(args)) => commands::qr::grant(context, &mut Dialog::at_terminal()?, args),
        Command::Logout(args) => commands::logout(context, args),
        Command::Demo(_) | Command::Serve(_) | Command::Browse { .. } | Command::Open { .. } => Ok(()),
    }
}

/// What is wrong, and what to give in its place if the option says it.
fn wrong_value(said: &str, source: Option<&dyn std::error::Error>, option: Option<&ContextValue>) -> Failure {
    let (Some(source), Some(option)) = (source, option) else { return Code::Usage.because(said) };
    let (wanted, option) = (source.to_string(), option.to_string());
    if !["give ", "write "].iter().any(|verb| wanted.starts_with(verb)) {
        return Code::Usage.because(said);
    }
    let said = said.strip_suffix(&format!(": {wanted}")).unwrap_or(said);
    let option = option.split(' ').next().unwrap_or_default();
    Code::Usage.because(said).with_hint(format_args!("At {option} {wanted}."))
}

/// Help, the version, or what is wrong with the command line.
fn usage(mut error: clap::Error) -> ExitCode {
    options::without_hidden(&mut error);
    let error = &error;
    // It quotes the command line, and a value can have been copied from anywhere.
    let deceives = |argument: String| argument.chars().any(human::deceives);
    if error.use_stderr()
        && std::env::args_os().any(|argument| argument.to_str().map(str::to_owned).is_some_and(deceives))
    {
        let text = error.to_string();
        text.lines().for_each(|line| anstream::eprintln!("{}", human::plain(line)));
    } else {
        let _ = error.print();
    }
    let elsewhere = options::elsewhere(error).or_else(|| options::of_variable(error));
    if let Some(elsewhere) = &elsewhere {
        anstream::eprintln!("\n{elsewhere}");
    }
    // The command line could not be parsed, so this asks it as it came.
    if error.use_stderr() && std::env::args_os().any(|argument| argument == "--json") {
        let text = error.to_string();
        let lines = text.lines().map(str::trim).take_while(|line| !line.starts_with("Usage:") && !line.is_empty());
        let said = lines.collect::<Vec<_>>().join(" ");
        let said = said.strip_prefix("error: ").unwrap_or(&said);
        let source = std::error::Error::source(error);
        let failure = match source.and_then(|source| source.downcast_ref::<oidc_proto::Error>()) {
            // The library refuses a value, and knows more about it.
            Some(error) => Failure::of_option(error.clone()),
            None => wrong_value(said, source, error.get(ContextKind::InvalidArg)),
        };
        let failure = match elsewhere {
            Some(elsewhere) => failure.with_hint(elsewhere),
            None => failure,
        };
        Output::new(true, false, Narration::Off).emit(&Event::error(&failure));
    }
    ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2))
}
