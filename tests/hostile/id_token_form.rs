//! id_token_form
