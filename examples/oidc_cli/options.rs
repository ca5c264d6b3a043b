//! Which command has an option, for messages that name one.

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Command, CommandFactory as _};

use crate::args::{Cli, SECRET_VARIABLE};

const OF_THE_CLIENT: [&str; 6] =
    ["--client-id", "--client-secret", "--auth-method", "--key", "--key-algorithm", "--key-id"];

fn has(command: &Command, option: &str) -> bool {
    command.get_arguments().any(|own| own.get_long().is_some_and(|long| format!("--{long}") == *option))
}

/// The commands that have this option, by their names.
fn commands_with(option: &str) -> Vec<String> {
    let program = Cli::command();
    let mut commands = Vec::new();
    for command in program.get_subcommands().filter(|command| !command.is_hide_set()) {
        let inner = command.get_subcommands().filter(|inner| has(inner, option));
        commands.extend(inner.map(|inner| format!("{} {}", command.get_name(), inner.get_name())));
        commands.extend(has(command, option).then(|| command.get_name().to_owned()));
    }
    commands
}

/// Where an option belongs that the command does not have.
pub(crate) fn elsewhere(error: &clap::Error) -> Option<String> {
    let Some(ContextValue::String(option)) =
        error.get(ContextKind::InvalidArg).filter(|_| error.kind() == ErrorKind::UnknownArgument)
    else {
        return None;
    };
    let commands = commands_with(option);
    if commands.is_empty() {
        return None;
    }
    let own = if OF_THE_CLIENT.contains(&option.as_str()) && std::env::args_os().any(|argument| argument == "relogin") {
        " relogin logs in with the session's own client."
    } else {
        ""
    };
    Some(format!("{option} is an option of {}.{own}", commands.join(", ")))
}

/// Which variable takes part, where the command line does not name its option.
pub(crate) fn of_variable(error: &clap::Error) -> Option<String> {
    let is_about_options = matches!(error.kind(), ErrorKind::MissingRequiredArgument | ErrorKind::ArgumentConflict);
    let is_named = std::env::args_os().any(|argument| argument.to_string_lossy().starts_with("--client-secret"));
    let is_set = std::env::var_os(SECRET_VARIABLE).is_some_and(|value| !value.is_empty());
    (is_about_options && is_set && !is_named).then(|| {
        format!("--client-secret comes from the variable {SECRET_VARIABLE}: unset it where it does not belong.")
    })
}

/// Leaves out of an error the commands that this program runs itself.
pub(crate) fn without_hidden(error: &mut clap::Error) {
    let program = Cli::command();
    let is_shown = |name: &String| program.find_subcommand(name).is_none_or(|command| !command.is_hide_set());
    for kind in [ContextKind::ValidSubcommand, ContextKind::SuggestedSubcommand] {
        let shown: Vec<_> = match error.get(kind) {
            Some(ContextValue::Strings(names)) => names.iter().filter(|name| is_shown(name)).cloned().collect(),
            Some(ContextValue::String(name)) => Some(name).filter(|name| is_shown(name)).cloned().into_iter().collect(),
            _ => continue,
        };
        if shown.is_empty() {
            error.remove(kind);
        } else {
            error.insert(kind, ContextValue::Strings(shown));
        }
    }
}

/// Says of options in a hint whose they are, if the command that failed, which is `path`, does not have them and the hint
/// does not say it.
pub(crate) fn of_others(hint: &str, path: &[String]) -> Option<String> {
    let program = Cli::command();
    let own = path.iter().try_fold(&program, |command, name| command.find_subcommand(name))?;
    let mut others = Vec::<&str>::new();
    for sentence in hint.split_inclusive(". ") {
        let mut before = String::new();
        for word in sentence.split(' ') {
            let option = word.trim_matches(|c: char| !c.is_ascii_alphanumeric() && c != '-');
            let is_said = ["oidc_cli ", "log in", "login"].iter().any(|said| before.contains(said));
            if option.starts_with("--") && !is_said && !has(own, option) && !has(&program, option) {
                others.extend(Some(option).filter(|option| !others.contains(option)));
            }
            before.push_str(&word.to_ascii_lowercase());
            before.push(' ');
        }
    }
    let said = others.iter().filter_map(|option| {
        let commands = commands_with(option);
        // Most are options of a login, which is what people do.
        let named = commands.iter().find(|command| *command == "login").or(commands.first())?;
        Some(format!("{option} is an option of oidc_cli {named}."))
    });
    let said: Vec<_> = said.collect();
    (!said.is_empty()).then(|| said.join(" "))
}
