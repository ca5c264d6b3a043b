//! `Debug` for what the other device, or whoever reads the log, must not see.

/// Implements `Debug` by the names of the types alone; `<R>` for types with a role.
macro_rules! redacted {
    ($($name:ident $(<$role:ident>)?)*) => { $(
        impl $(<$role>)? std::fmt::Debug for $name $(<$role>)? {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(concat!(stringify!($name), "(…)"))
            }
        }
    )* };
}
pub(super) use redacted;
