#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| lanegate_fuzz::targets::run("snapshot", data));
