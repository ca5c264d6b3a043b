//! Which function answers at which endpoint.

use http::Response;

use super::http::{Incoming, empty, settle};
use super::route::On;
use super::state::State;
use super::{authorize, device, discovery, dpop, par, register, resource, token, userinfo};

/// The honest answer of an endpoint.
pub(super) fn respond(state: &mut State, on: On, request: &Incoming<'_>) -> Response<Vec<u8>> {
    let mut response = match on {
        On::ServerMetadata => discovery::metadata(state, request),
        On::Jwks => discovery::jwks(state, request),
        On::Register => settle(register::register(state, request)),
        On::Authorize => authorize::authorize(state, request),
        On::Token => settle(token::token(state, request)),
        On::UserInfo => userinfo::userinfo(state, request),
        On::Revoke => settle(resource::revoke(state, request)),
        On::Introspect => settle(resource::introspect(state, request)),
        On::EndSession => settle(resource::end_session(state, request)),
        On::Par => settle(par::push(state, request)),
        On::DeviceAuthorization => settle(device::authorize(state, request)),
        On::Device => settle(device::visit(state, request)),
        On::Elsewhere => empty(404),
    };
    if matches!(on, On::Token | On::Par | On::UserInfo) {
        dpop::tell_nonce(state, request, &mut response);
    }
    response
}
