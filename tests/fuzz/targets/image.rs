//! Whatever an image is called, what is read of it is written the same, and read again the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use wazuh_docker_listener::event::image::Image;

fuzz_target!(|text: &str| {
    if let Ok(Image::Named(reference)) = Image::parse(text) {
        assert!(reference.registry.is_ascii() && reference.repository.is_ascii());
        assert!(!reference.registry.is_empty() && !reference.registry.contains(['/', '@']));
        let written = reference.to_string();
        assert_eq!(Image::parse(&written), Ok(Image::Named(reference)));
    }
});
