//! Asks the engine for everything that is there, one after the other, with a bar where somebody watches.

use std::sync::Mutex;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use jiff::Timestamp;

use super::report::{Judges, Report};
use crate::docker::{Engine, EngineError};
use crate::event::provenance::EngineProof;
use crate::event::redact::Redactor;
use crate::inquiry::{Answers, Question, answer};
use crate::lock::lock;

/// How long the engine may take for one container.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);

/// How long it may take for a list, in which it may have to look at every image's layers.
const LIST_WITHIN: Duration = Duration::from_secs(120);

/// Looks at all containers and images of an engine.
///
/// # Errors
/// Where the engine does not say what there is; a container that it does not tell of is a finding.
pub(super) async fn gather(engine: &Engine, judges: Judges<'_>, redactor: &Redactor) -> Result<Report, EngineError> {
    engine.ping().await?;
    let identity = engine.identity().await?;
    let judges = Judges { engine: EngineProof::of(&identity), ..judges };
    let mut report = Report::new(&identity, engine.endpoint().to_string(), Timestamp::now());
    let containers = within(engine, "the containers", engine.containers()).await?;
    let images = within(engine, "the images", engine.images()).await?;
    let bar = bar(containers.len() + images.len());
    for listed in containers {
        bar.set_message("containers");
        let question = Question {
            container: Some(listed.id.clone()),
            with_host: true,
            with_kernel: true,
            with_image: true,
            ..Question::default()
        };
        let answers = Mutex::new(Answers::default());
        let answered = tokio::time::timeout(ANSWER_WITHIN, answer(engine, question, &answers)).await;
        // One that was removed meanwhile is not there.
        if !matches!(answered, Ok(Err(EngineError::Refused { status: 404, .. }))) {
            let complete = matches!(answered, Ok(Ok(())));
            report.add_container(&listed.id, &lock(&answers), complete, judges);
        }
        bar.inc(1);
    }
    bar.set_message("images");
    for listed in &images {
        // The list leaves out where an image is from and what it was made of.
        let question = Question { image: Some(listed.id.clone()), ..Question::default() };
        let answers = Mutex::new(Answers::default());
        let _ = tokio::time::timeout(ANSWER_WITHIN, answer(engine, question, &answers)).await;
        let answers = lock(&answers);
        report.add_image(answers.image.as_ref().unwrap_or(listed), &answers.parents, judges);
        bar.inc(1);
    }
    bar.finish_and_clear();
    for finding in &mut report.findings {
        redactor.redact_text(&mut finding.detail, &|_| 0);
    }
    report.sort();
    Ok(report)
}

async fn within<T>(
    engine: &Engine,
    what: &'static str,
    call: impl Future<Output = Result<T, EngineError>>,
) -> Result<T, EngineError> {
    tokio::time::timeout(LIST_WITHIN, call)
        .await
        .unwrap_or_else(|_| Err(EngineError::Silent { endpoint: engine.endpoint().clone(), what, within: LIST_WITHIN }))
}

/// Drawn on stderr, and only where that is a terminal.
fn bar(steps: usize) -> ProgressBar {
    let bar = ProgressBar::new(steps as u64);
    // The template is a constant; a default bar does as well.
    if let Ok(style) = ProgressStyle::with_template("{msg:>10} [{bar:40}] {pos}/{len}") {
        bar.set_style(style.progress_chars("#> "));
    }
    bar
}
