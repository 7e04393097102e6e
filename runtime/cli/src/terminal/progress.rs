//! What is shown while a person waits.

use std::borrow::Cow;
use std::io::{self, IsTerminal};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Work that is done sooner shows nothing.
const PATIENCE: Duration = Duration::from_secs(1);
const BETWEEN_FRAMES: Duration = Duration::from_millis(100);

/// A line on the standard error that says what is being waited for; it goes
/// away with this value. Without a terminal there is none.
pub struct Progress {
    bar: ProgressBar,
    curtain: Option<Curtain>,
}

/// Begins to wait for something: `compiling rates 1.0.0`.
#[must_use = "the line goes away with the value"]
pub fn progress(message: impl Into<Cow<'static, str>>) -> Progress {
    let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden());
    bar.set_style(style("{spinner} {msg} {elapsed:.dim}"));
    bar.set_message(message);
    let curtain = io::stderr()
        .is_terminal()
        .then(|| Curtain::raised_after(PATIENCE, bar.clone()));
    Progress { bar, curtain }
}

impl Progress {
    /// From now on a bar, as it is known how much there is to do.
    #[must_use = "the line goes away with the value"]
    pub fn of(self, total: u64) -> Self {
        self.bar.set_length(total);
        self.bar.set_style(style(
            "{spinner} {msg} {wide_bar:.dim} {pos}/{len} {eta:.dim}",
        ));
        self
    }

    /// This much more has been done.
    pub fn advance(&self, done: u64) {
        self.bar.inc(done);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        drop(self.curtain.take());
        self.bar.finish_and_clear();
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).expect("the templates above are well formed")
}

/// Hides the line for the first moment.
struct Curtain {
    ended: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Curtain {
    fn raised_after(patience: Duration, bar: ProgressBar) -> Self {
        let (ended, end) = mpsc::channel::<()>();
        let thread = thread::Builder::new()
            .name("progress".into())
            .spawn(move || {
                if end.recv_timeout(patience) == Err(RecvTimeoutError::Timeout) {
                    bar.set_draw_target(ProgressDrawTarget::stderr());
                    bar.enable_steady_tick(BETWEEN_FRAMES);
                }
            });
        Self {
            ended: Some(ended),
            // Without a thread there is no line: nobody fails for that.
            thread: thread.ok(),
        }
    }
}

impl Drop for Curtain {
    fn drop(&mut self) {
        drop(self.ended.take());
        if let Some(thread) = self.thread.take() {
            // It ends at once, as its channel is closed, and it cannot panic.
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use indicatif::TermLike;

    use super::*;

    /// A terminal that remembers everything that was written to it.
    #[derive(Clone, Debug, Default)]
    struct Recorder(Arc<Mutex<String>>);

    impl Recorder {
        fn taken(&self) -> String {
            std::mem::take(&mut self.0.lock().expect("no test panics while it writes"))
        }

        fn record(&self, text: &str) -> io::Result<()> {
            let mut all = self.0.lock().expect("no test panics while it writes");
            all.push_str(text);
            Ok(())
        }
    }

    impl TermLike for Recorder {
        fn width(&self) -> u16 {
            80
        }

        fn move_cursor_up(&self, _: usize) -> io::Result<()> {
            Ok(())
        }

        fn move_cursor_down(&self, _: usize) -> io::Result<()> {
            Ok(())
        }

        fn move_cursor_right(&self, _: usize) -> io::Result<()> {
            Ok(())
        }

        fn move_cursor_left(&self, _: usize) -> io::Result<()> {
            Ok(())
        }

        fn write_line(&self, line: &str) -> io::Result<()> {
            self.record(line)
        }

        fn write_str(&self, text: &str) -> io::Result<()> {
            self.record(text)
        }

        fn clear_line(&self) -> io::Result<()> {
            self.record("<cleared>")
        }

        fn flush(&self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn says_what_is_waited_for_and_how_far_it_is_and_goes_away() {
        let terminal = Recorder::default();
        let progress = progress("checking receipts").of(8);
        let target = ProgressDrawTarget::term_like(Box::new(terminal.clone()));
        progress.bar.set_draw_target(target);

        progress.advance(3);
        progress.bar.force_draw();
        let shown = terminal.taken();
        assert!(shown.contains("checking receipts"), "{shown}");
        assert!(shown.contains("3/8"), "{shown}");

        drop(progress);
        let shown = terminal.taken();
        assert!(shown.ends_with("<cleared>"), "{shown}");
    }

    #[test]
    fn ends_without_waiting_for_its_curtain() {
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden());
        let curtain = Curtain::raised_after(Duration::from_secs(3600), bar.clone());

        drop(curtain);

        assert!(bar.is_hidden());
    }
}
