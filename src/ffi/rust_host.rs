//! The library for hosts that are written in Rust: an abi_stable root module, which checks the layout of every type
//! when it is loaded. Only with the feature `rust-host`; the C library ships none of it.

#![allow(non_camel_case_types)]

use abi_stable::StableAbi;
use abi_stable::library::RootModule;
use abi_stable::package_version_strings;
use abi_stable::sabi_types::VersionStrings;

use super::abi::gca_api;

/// The root module: version 1 of the C ABI, with its types checked.
#[repr(C)]
#[derive(StableAbi)]
#[sabi(kind(Prefix(prefix_ref = GcaModule_Ref)))]
#[sabi(missing_field(panic))]
pub struct GcaModule {
    /// `gca_get_api`: pass `GCA_ABI_VERSION`; NULL if the library has no such version.
    #[sabi(last_prefix_field)]
    pub get_api: extern "C" fn(version: u32) -> *const gca_api,
}

impl RootModule for GcaModule_Ref {
    abi_stable::declare_root_module_statics! {GcaModule_Ref}

    const BASE_NAME: &'static str = "genesys_cloud_adapter";
    const NAME: &'static str = "genesys_cloud_adapter";
    const VERSION_STRINGS: VersionStrings = package_version_strings!();
}

/// What the loader of a host written in Rust finds.
#[cfg(feature = "rust-host")]
// The attribute makes a static without a doc.
#[allow(missing_docs)]
mod exported {
    use abi_stable::prefix_type::PrefixTypeTrait;

    use super::{GcaModule, GcaModule_Ref};

    #[abi_stable::export_root_module]
    fn root_module() -> GcaModule_Ref {
        GcaModule {
            get_api: crate::ffi::api::gca_get_api,
        }
        .leak_into_prefix()
    }
}
