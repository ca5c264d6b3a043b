//! `account`: where the user of a Matrix session manages the account.

use oidc_proto::matrix::{AccountAction, AccountManagement};

use super::matrix::matrix;
use crate::args::{AccountArgs, ActionName};
use crate::context::Context;
use crate::event::Event;
use crate::failure::{Code, Failure};
use crate::session;

pub(crate) fn account(context: &mut Context, args: &AccountArgs) -> Result<(), Failure> {
    let session = session::choose(context)?;
    let known = matrix(&session)?;
    let server = context.server(known.homeserver(), session.schemes())?;
    let account = server.account_page()?;
    let action = args.action.as_ref();
    if let Some(action) = action
        && !is_listed(account, action)
    {
        context.out.emit(&Event::warning(
            &Code::Unadvertised.because(format_args!("the account action {action}")).with_hint(
                "The URL asks for this action all the same. Without --action the URL is that of the account page.",
            ),
        ));
    }
    // Without a device a provider forgets an action about one.
    let is_about_one = action.is_some_and(|action| action.is_about_one());
    let device = args.device_id.as_ref().or(is_about_one.then(|| known.device_id()));
    let url = match action {
        Some(ActionName::Known(action)) => account.url(Some(*action), device),
        Some(ActionName::Other(name)) => account.url_of(Some(name), device),
        None => account.url_of(None, device),
    };
    context.out.emit(&Event::AccountUrl { url: &url, actions: &account.actions().collect::<Vec<_>>() });
    if args.open {
        args.browser.open_page(&url, context.options.timeout, context.out)?.wait();
    }
    Ok(())
}

/// A provider that lists no actions may know them all.
fn is_listed(account: &AccountManagement, action: &ActionName) -> bool {
    let lists_none = account.actions().next().is_none();
    lists_none
        || match action {
            ActionName::Known(action) => account.supports(*action),
            ActionName::Other(name) => account.actions().any(|listed| listed == &**name),
        }
}

impl ActionName {
    fn is_about_one(&self) -> bool {
        match self {
            Self::Known(action) => matches!(action, AccountAction::DeviceView | AccountAction::DeviceDelete),
            Self::Other(name) => matches!(&**name, "org.matrix.session_view" | "org.matrix.session_end"),
        }
    }
}

impl std::fmt::Display for ActionName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Known(action) => action.name(),
            Self::Other(name) => name,
        })
    }
}
