//! Calls of which every step is chosen by the fuzzer, told to the room `calls`; see `src/scene.rs` and `src/ledger.rs`.

#![no_main]

use genesys_cloud_adapter_fuzz::Scene;

libfuzzer_sys::fuzz_target!(|steps: &[u8]| Scene::play(steps));
