//! Labels: one line that costs too much.

use std::fmt::Write as _;

use crate::EVIL;
use crate::scene::{Attack, Scene};

#[test]
fn a_label_of_20_000_dots() {
    let row = Attack {
        what: "a label of 20,000 dots beside `Name`",
        stage: "labels",
        before: "alert after 1.36 s, CPU 0.86 s, peak +381 MiB, stays +189.0 MiB, level 12",
        peak: 16,
        cpu: 1,
    };
    row.play(|scene| {
        dots(scene, 20_000, r#""Name":"x""#);
        scene.evil(EVIL);
    });
}

#[test]
fn a_label_of_80_000_dots() {
    let row = Attack {
        what: "a label of 80,000 dots beside `Name`",
        stage: "labels",
        before: "killed for good; no alert, CPU 0.00 s, peak +0 MiB, stays +0.0 MiB, level 0",
        peak: 16,
        cpu: 1,
    };
    row.play(|scene| {
        dots(scene, 80_000, r#""Name":"x""#);
        scene.evil(EVIL);
    });
}

#[test]
fn a_label_of_80_000_dots_in_the_ring_at_each_start() {
    let row = Attack {
        what: "the same, waiting in the engine's ring for each start",
        stage: "labels, restart",
        before: "killed for good; no alert, CPU 0.00 s, peak +0 MiB, stays +0.0 MiB, level 0",
        peak: 16,
        cpu: 1,
    };
    row.play(|scene| {
        scene.restart(|scene| dots(scene, 80_000, r#""Name":"x""#));
        scene.evil(EVIL);
    });
}

#[test]
fn a_label_of_200_000_dots_and_a_bracket() {
    let row = Attack {
        what: "a label of 200,000 dots beside a value that begins with `[`",
        stage: "labels",
        before: "alert after 36.35 s, CPU 19.81 s, peak +2 MiB, stays +1.9 MiB, level 12",
        peak: 16,
        cpu: 1,
    };
    row.play(|scene| {
        dots(scene, 200_000, r#""b":"[""#);
        scene.evil(EVIL);
    });
}

#[test]
fn many_labels_of_many_dots() {
    let row = Attack {
        what: "250 labels of 2,000 dots each",
        stage: "labels",
        before: "alert after 10.20 s, CPU 5.96 s, peak +989 MiB, stays +963.9 MiB, level 12",
        peak: 16,
        cpu: 1,
    };
    row.play(|scene| {
        let mut labels = String::from(r#","Name":"x""#);
        for number in 0..250 {
            let _ = write!(labels, ",\"l{number}{}\":\"v\"", ".a".repeat(2000));
        }
        scene.happens_raw("create", "d075", &labels);
        scene.evil(EVIL);
    });
}

#[test]
fn one_label_in_all_its_cases() {
    let row = Attack {
        what: "16,384 labels that are one name in all cases of 14 letters",
        stage: "labels",
        before: "alert after 40.54 s, CPU 26.54 s, peak +4 MiB, stays +4.2 MiB, level 12",
        peak: 16,
        cpu: 1,
    };
    row.play(|scene| {
        scene.happens_raw("create", "ca5e", &cases(16_384));
        scene.evil(EVIL);
    });
}

#[test]
fn numbers_that_are_taken() {
    let row = Attack {
        what: "8,000 labels `label:a:2`, `label:a:3`, …, and 256 that would have to be called so",
        stage: "labels",
        before: "alert after 0.42 s, CPU 0.41 s, peak +1 MiB, stays +1.2 MiB, level 12",
        peak: 16,
        cpu: 1,
    };
    row.play(|scene| {
        let mut labels = String::new();
        for number in 2..8002 {
            let _ = write!(labels, ",\"label:abcdefgh:{number}\":\"\"");
        }
        for number in 0..256 {
            let name: String = "abcdefgh"
                .chars()
                .enumerate()
                .map(|(bit, c)| if number >> bit & 1 == 1 { c.to_ascii_uppercase() } else { c })
                .collect();
            let _ = write!(labels, ",\"{name}\":\"\"");
        }
        scene.happens_raw("create", "ca5e", &labels);
        scene.evil(EVIL);
    });
}

#[test]
fn a_hundred_thousand_labels() {
    let row = Attack {
        what: "100,000 labels, unsorted, in five events",
        stage: "labels",
        before: "alert after 0.77 s, CPU 0.72 s, peak +17 MiB, stays +4.9 MiB, level 12",
        peak: 64,
        cpu: 3,
    };
    row.play(|scene| {
        for _ in 0..5 {
            let mut labels = String::new();
            for number in 0..100_000_usize {
                let _ = write!(labels, ",\"{:x}\":\"\"", number.wrapping_mul(40_503) & 0xf_ffff);
            }
            labels.truncate(1_000_000);
            labels.truncate(labels.rfind(',').unwrap());
            scene.happens_raw("create", "1abe1", &labels);
        }
        scene.evil(EVIL);
    });
}

#[test]
fn hidden_characters_by_the_megabyte() {
    let row = Attack {
        what: "a label of 300,000 hidden characters",
        stage: "labels",
        before: "alert after 0.04 s, CPU 0.03 s, peak +3 MiB, stays +0.7 MiB, level 12",
        peak: 24,
        cpu: 1,
    };
    row.play(|scene| {
        let labels = format!(",\"x\":\"{}\"", "\u{202e}".repeat(300_000));
        scene.happens_raw("create", "41dde2", &labels);
        scene.evil(EVIL);
    });
}

/// A label of so many dots, beside one that has to give way.
fn dots(scene: &mut Scene, count: usize, other: &str) {
    let labels = format!(",{other},\"a{}\":\"v\"", ".a".repeat(count));
    scene.happens_raw("create", "d075", &labels);
}

/// One name in so many of its cases.
fn cases(count: usize) -> String {
    let mut labels = String::new();
    for number in 0..count {
        let name: String = "abcdefghijklmn"
            .chars()
            .enumerate()
            .map(|(bit, c)| if number >> bit & 1 == 1 { c.to_ascii_uppercase() } else { c })
            .collect();
        let _ = write!(labels, ",\"{name}\":\"\"");
    }
    labels
}
