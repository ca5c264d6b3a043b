//! The scope of a login at a homeserver (client-server API, scope; MSC2967).

use super::id::DeviceId;
use crate::error::{Error, ErrorCode};
use crate::token::scope::Scope;

/// How the scope values of Matrix are spelled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ScopeForm {
    /// `urn:matrix:client:…`: Matrix 1.15 and later.
    Stable,
    /// `urn:matrix:org.matrix.msc2967.client:…`: what older homeservers know.
    Unstable,
}

const STABLE: &str = "urn:matrix:client:";
const UNSTABLE: &str = "urn:matrix:org.matrix.msc2967.client:";

impl ScopeForm {
    const fn prefix(self) -> &'static str {
        match self {
            Self::Stable => STABLE,
            Self::Unstable => UNSTABLE,
        }
    }
}

/// The scope of a login: the whole client-server API for one device, and further values.
///
/// # Errors
/// `matrix.device_id`; `matrix.scope` if a further value names a device or the whole API; `authorization.scope` if it
/// is not a scope value.
pub fn login_scope(form: ScopeForm, device: &DeviceId, further: &Scope) -> Result<Scope, Error> {
    device.check()?;
    if further.iter().any(is_own) {
        return Err(ErrorCode::MATRIX_SCOPE.into());
    }
    let prefix = form.prefix();
    Scope::new(&format!("{prefix}api:* {prefix}device:{device} {further}"))
}

/// Whether a login adds it by itself.
fn is_own(value: &str) -> bool {
    let rest = value.strip_prefix(STABLE).or_else(|| value.strip_prefix(UNSTABLE));
    rest.is_some_and(|rest| rest == "api:*" || rest.starts_with("device:"))
}

/// What a scope has beside that.
pub(super) fn further_scope(scope: &Scope) -> Scope {
    // Values of a scope are a scope.
    Scope::new(&scope.iter().filter(|value| !is_own(value)).collect::<Vec<_>>().join(" ")).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_login_is_for_the_api_and_one_device() {
        let device = DeviceId::new("ABCDEFGHIJ").unwrap();
        let scope = |form, further| login_scope(form, &device, &Scope::new(further).unwrap());
        assert_eq!(
            scope(ScopeForm::Stable, "").unwrap().as_str(),
            "urn:matrix:client:api:* urn:matrix:client:device:ABCDEFGHIJ"
        );
        assert_eq!(
            scope(ScopeForm::Unstable, "openid urn:synapse:admin:*").unwrap().as_str(),
            "urn:matrix:org.matrix.msc2967.client:api:* \
             urn:matrix:org.matrix.msc2967.client:device:ABCDEFGHIJ openid urn:synapse:admin:*"
        );
        for further in [
            "urn:matrix:client:api:*",
            "openid urn:matrix:client:device:OTHERDEVICE",
            "urn:matrix:org.matrix.msc2967.client:device:OTHERDEVICE",
        ] {
            assert_eq!(scope(ScopeForm::Stable, further).unwrap_err().code(), ErrorCode::MATRIX_SCOPE, "{further}");
        }
        let foreign = DeviceId::answered("AB\u{e9}").unwrap();
        let refused = login_scope(ScopeForm::Stable, &foreign, &Scope::default()).unwrap_err();
        assert_eq!(refused.code(), ErrorCode::MATRIX_DEVICE_ID);
    }
}
