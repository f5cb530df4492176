//! Waiting at a terminal for something that goes on by itself: progress, deadline and Ctrl-C.

use std::{io::IsTerminal, time::Duration};

use indicatif::{ProgressBar, ProgressStyle};
use tokio_util::sync::CancellationToken;

use crate::{aws::problem::Class, engine::course::Running};

/// How often the progress line is drawn.
const DRAW_EVERY: Duration = Duration::from_millis(120);
/// How long what was cut may take to end.
const END_WITHIN: Duration = Duration::from_secs(5);

/// Waits for the end, the deadline or `stop`, and draws progress on a terminal.
pub(super) async fn watch(running: &impl Running, deadline: Option<Duration>, stop: CancellationToken) {
    let bar = std::io::stderr().is_terminal().then(|| {
        let style = ProgressStyle::with_template("{spinner} [{elapsed_precise}] {wide_bar} {pos}/{len} {msg}");
        ProgressBar::new(0).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
    });
    let time_is_up = async {
        match deadline {
            Some(deadline) => tokio::time::sleep(deadline).await,
            None => std::future::pending().await,
        }
    };
    tokio::pin!(time_is_up);
    let course = running.course();
    loop {
        tokio::select! {
            over = course.over_within(Some(DRAW_EVERY)) => {
                if let Some(bar) = &bar {
                    let progress = running.progress();
                    bar.set_length(progress.parts as u64);
                    bar.set_position(progress.done as u64);
                    bar.set_message(progress.words);
                    bar.tick();
                }
                if over {
                    break;
                }
            }
            () = &mut time_is_up => course.cut(Class::Deadline),
            () = stop.cancelled(), if !course.is_cut() => course.cut(Class::Cancelled),
        }
        if course.is_cut() {
            course.over_within(Some(END_WITHIN)).await;
            break;
        }
    }
    if let Some(bar) = bar {
        bar.finish_and_clear();
    }
}
