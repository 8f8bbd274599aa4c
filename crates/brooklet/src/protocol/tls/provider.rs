//! Whose cryptography rustls uses. Neither builds nor links C.

use std::sync::{Arc, OnceLock};

use rustls::crypto::CryptoProvider;

/// graviola where the processor has what its assembler takes (x86-64 since about 2015, 64-bit ARM with the
/// cryptographic extensions), else rustls-rustcrypto, which runs on everything: slower, and by its own word an alpha.
pub(super) fn provider() -> Arc<CryptoProvider> {
    static PROVIDER: OnceLock<Arc<CryptoProvider>> = OnceLock::new();
    PROVIDER.get_or_init(|| Arc::new(fast().unwrap_or_else(rustls_rustcrypto::provider))).clone()
}

/// graviola checks by itself and panics, so this asks first for all that it may need.
#[cfg(target_arch = "x86_64")]
fn fast() -> Option<CryptoProvider> {
    let has_all = is_x86_feature_detected!("aes")
        && is_x86_feature_detected!("pclmulqdq")
        && is_x86_feature_detected!("ssse3")
        && is_x86_feature_detected!("bmi1")
        && is_x86_feature_detected!("bmi2")
        && is_x86_feature_detected!("adx")
        && is_x86_feature_detected!("avx")
        && is_x86_feature_detected!("avx2");
    has_all.then(rustls_graviola::default_provider)
}

#[cfg(target_arch = "aarch64")]
fn fast() -> Option<CryptoProvider> {
    use std::arch::is_aarch64_feature_detected;
    let has_all = is_aarch64_feature_detected!("neon")
        && is_aarch64_feature_detected!("aes")
        && is_aarch64_feature_detected!("pmull")
        && is_aarch64_feature_detected!("sha2");
    has_all.then(rustls_graviola::default_provider)
}

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
fn fast() -> Option<CryptoProvider> {
    None
}
