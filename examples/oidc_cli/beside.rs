//! What is kept beside a session, so that the next process need not ask for it: the provider's metadata, the nonces that
//! servers issued for the session's key, and a verdict of the provider. None of it is needed: what cannot be read is not
//! there.

use oidc_proto::{DpopKey, Freshness, Issuer, Provider, ProviderOptions, ServerMetadata};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::failure::Failure;
use crate::store::Store;

const VERSION: u32 = 1;

/// The document, and how long it is fresh.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Metadata {
    version: u32,
    pub(crate) freshness: Freshness,
    document: Value,
}

impl Metadata {
    /// Of a provider that was discovered.
    pub(crate) fn of(provider: &Provider, freshness: Freshness) -> Option<Self> {
        let document = provider.metadata().fields.as_ref()?.read().ok()?;
        Some(Self { version: VERSION, freshness, document })
    }

    pub(crate) fn read(store: &Store, id: &str) -> Option<Self> {
        let text = store.read(&metadata_file(id)).ok()??;
        serde_json::from_str::<Self>(&text).ok().filter(|metadata| metadata.version == VERSION)
    }

    pub(crate) fn keep(&self, store: &Store, id: &str) -> Result<(), Failure> {
        store.draft()?.keep(&metadata_file(id), self)
    }

    /// The provider, by the same rules as if the document had just come.
    pub(crate) fn provider(&self, issuer: &Issuer, options: ProviderOptions) -> Option<Provider> {
        let document = serde_json::to_vec(&self.document).ok()?;
        Some(Provider::new(ServerMetadata::parse(&document, issuer, &options).ok()?, options))
    }
}

/// They are fetched anew when they are needed next.
pub(crate) fn expire_metadata(store: &Store, id: &str) -> Result<(), Failure> {
    let Some(mut metadata) = Metadata::read(store, id) else { return Ok(()) };
    metadata.freshness.fresh_until = Some(metadata.freshness.fetched_at);
    metadata.keep(store, id)
}

#[derive(Serialize, Deserialize)]
struct Nonces {
    version: u32,
    /// By origin.
    nonces: Vec<(String, String)>,
}

pub(crate) fn supply_nonces(store: &Store, id: &str, key: &DpopKey) {
    key.supply_nonces(nonces(store, id));
}

pub(crate) fn keep_nonces(store: &Store, id: &str, key: &DpopKey) -> Result<(), Failure> {
    let known = key.nonces();
    if known == nonces(store, id) {
        return Ok(());
    }
    store.draft()?.keep(&nonces_file(id), &Nonces { version: VERSION, nonces: known })
}

fn nonces(store: &Store, id: &str) -> Vec<(String, String)> {
    let text = store.read(&nonces_file(id)).ok().flatten();
    let kept = text.and_then(|text| serde_json::from_str::<Nonces>(&text).ok());
    kept.filter(|kept| kept.version == VERSION).map(|kept| kept.nonces).unwrap_or_default()
}

pub(crate) fn remove(store: &Store, id: &str) -> Result<(), Failure> {
    store.remove(&metadata_file(id))?;
    store.remove(&verdict_file(id))?;
    store.remove(&nonces_file(id))
}

fn metadata_file(id: &str) -> String {
    format!("metadata-{id}.json")
}

fn nonces_file(id: &str) -> String {
    format!("nonces-{id}.json")
}

/// That the provider wants the user to log in again, of one record: with newer tokens it is out of date.
#[derive(Serialize, Deserialize)]
struct Verdict {
    version: u32,
    generation: u64,
    code: String,
}

pub(crate) fn note_verdict(store: &Store, id: &str, generation: u64, code: &str) -> Result<(), Failure> {
    let verdict = Verdict { version: VERSION, generation, code: code.to_owned() };
    store.draft()?.keep(&verdict_file(id), &verdict)
}

/// The code of the verdict on this record, if there is one.
pub(crate) fn verdict(store: &Store, id: &str, generation: u64) -> Option<String> {
    let text = store.read(&verdict_file(id)).ok()??;
    let verdict = serde_json::from_str::<Verdict>(&text).ok()?;
    (verdict.version == VERSION && verdict.generation == generation).then_some(verdict.code)
}

fn verdict_file(id: &str) -> String {
    format!("verdict-{id}.json")
}
