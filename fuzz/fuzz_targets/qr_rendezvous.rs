#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| oidc_proto_fuzz::targets::run("qr_rendezvous", data));
