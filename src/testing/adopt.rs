//! A provider takes on habits.

use super::habits::adopted::Adopted;
use super::habits::value::Habits;
use super::provider::Provider;

impl Habits {
    /// A provider with these habits and this issuer. It has no client.
    pub fn provider(self) -> Provider {
        Provider::new(self.issuer()).with_habits(self)
    }
}

impl Provider {
    /// Takes on the habits of a known provider: its metadata document with its endpoints, and its
    /// deviations. The issuer of this provider does not change: if it differs from the known
    /// provider's issuer, the endpoints are moved below it.
    #[must_use]
    pub fn with_habits(self, habits: Habits) -> Self {
        let adopted = Adopted::new(habits, &self.issuer());
        if adopted.is_matrix_authentication_service() {
            self.adopt_habits_of_mas();
        }
        let mut state = self.lock();
        state.par = adopted.par();
        if adopted.registers_by_token() {
            state.initial_access_token.get_or_insert_with(|| "initial-access-token".to_owned());
        }
        state.offline_by_consent |= adopted.wants_consent();
        state.has_rotation &= !adopted.keeps_refresh_tokens();
        state.adopted = Some(adopted);
        drop(state);
        self
    }
}
