//! A policy file that is put in force when it changes on disk.
//!
//! ```text
//!  the folders of the files ---> something happened ---> quiet for a moment ---> read all, compare ---> load ---> in force
//!                     or nothing for ten seconds ------------------------------'             `---> refused, told, counted
//! ```
//!
//! Folders are watched and not files: editors and deployments put another file in the place of the old one.

use std::{
    collections::HashSet,
    fmt, fs,
    path::{Path, PathBuf},
    sync::{
        Weak,
        mpsc::{Receiver, RecvTimeoutError, Sender, channel},
    },
    thread,
    time::Duration,
};

use notify::{
    EventKind, RecommendedWatcher, RecursiveMode, Watcher,
    event::{AccessKind, AccessMode},
};

use super::{Inner, Verifier, builder};
use crate::{
    error::{Error, ErrorKind, Result},
    policy::Sources,
};

/// Puts a policy in force whenever its files change. Ends when it is dropped, or when the verifier is.
#[must_use = "nothing is watched any more when it is dropped"]
pub struct PolicyWatch {
    path: PathBuf,
    signals: Sender<Signal>,
}

impl Verifier {
    /// Watches a policy file and the files that it names: included files, lists, the shadow. When they change, they are put in
    /// force together, or refused together, as [`replace_policy`](Self::replace_policy) does it; [`reload_counts`] tells how often.
    /// What they are now is put in force at once, if it loads.
    ///
    /// A file that is written in place can be read half-written, and half a policy may load: move the new file to the place of
    /// the old one instead, as most editors and deployments do.
    ///
    /// [`reload_counts`]: Self::reload_counts
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Misconfigured`] when the file cannot be read or its folder cannot be watched.
    pub fn watch_policy(&self, path: impl AsRef<Path>) -> Result<PolicyWatch> {
        let path = path.as_ref().to_owned();
        let cannot = |what: &'static str| {
            let message = format!("the policy file `{}` cannot be {what}", path.display());
            move |source: Box<dyn std::error::Error + Send + Sync>| {
                Error::new(ErrorKind::Misconfigured, message).with_source(source)
            }
        };
        let sources = Sources::read(&path).map_err(|source| cannot("read")(source.into()))?;
        let (signals, received) = channel();
        let watcher = watcher(signals.clone()).map_err(|source| cannot("watched")(source.into()))?;
        let inner = std::sync::Arc::downgrade(&self.inner);
        let seen = Seen::Files(self.inner.policy.load().sources().clone());
        let mut watched = Watched { path: path.clone(), inner, watcher, folders: HashSet::new(), seen };
        watched.follow(folder_of(&path)).map_err(|source| cannot("watched")(source.into()))?;
        watched.take(Ok(sources));
        // What changed before the folders of the new files were watched.
        watched.look();
        let name = "handset-policy".to_owned();
        let spawned = thread::Builder::new().name(name).spawn(move || watched.run(&received));
        spawned.map_err(|source| cannot("watched")(source.into()))?;
        Ok(PolicyWatch { path, signals })
    }
}

impl Drop for PolicyWatch {
    fn drop(&mut self) {
        // Nobody listens when the verifier went first.
        let _ = self.signals.send(Signal::Stop);
    }
}

impl fmt::Debug for PolicyWatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PolicyWatch").field("path", &self.path).finish_non_exhaustive()
    }
}

enum Signal {
    Changed,
    Stop,
}

/// What is watched, on a thread of its own.
struct Watched {
    path: PathBuf,
    inner: Weak<Inner>,
    watcher: RecommendedWatcher,
    folders: HashSet<PathBuf>,
    seen: Seen,
}

/// What was read last, so that the same is not taken or refused twice.
enum Seen {
    Files(Sources),
    Trouble(std::io::ErrorKind),
}

impl Watched {
    fn run(mut self, signals: &Receiver<Signal>) {
        loop {
            match signals.recv_timeout(LOOK_ANYWAY) {
                Ok(Signal::Changed) => {
                    for _ in 0..MOST_WAITS {
                        match signals.recv_timeout(QUIET) {
                            Ok(Signal::Changed) => {}
                            Err(RecvTimeoutError::Timeout) => break,
                            Ok(Signal::Stop) | Err(RecvTimeoutError::Disconnected) => return,
                        }
                    }
                }
                // Not everything is told: a network drive, a folder further up that is another one now.
                Err(RecvTimeoutError::Timeout) => {}
                Ok(Signal::Stop) | Err(RecvTimeoutError::Disconnected) => return,
            }
            if self.look().is_none() {
                return;
            }
        }
    }

    /// Reads the files. `None` when the verifier is gone.
    fn look(&mut self) -> Option<()> {
        self.take(Sources::read(&self.path))
    }

    fn take(&mut self, read: std::io::Result<Sources>) -> Option<()> {
        let inner = self.inner.upgrade()?;
        let is_known = match (&read, &self.seen) {
            (Ok(now), Seen::Files(before)) => now.is_same(before),
            (Err(now), Seen::Trouble(before)) => now.kind() == *before,
            _ => false,
        };
        if let Ok(sources) = &read {
            self.follow_all(sources);
        }
        if is_known {
            return Some(());
        }
        let (seen, loaded) = match read {
            Ok(sources) => {
                let loaded = builder::load(&sources, &inner.catalogue);
                (Seen::Files(sources), loaded)
            }
            Err(source) => {
                let seen = Seen::Trouble(source.kind());
                let message = format!("the policy file `{}` cannot be read", self.path.display());
                (seen, Err(Error::new(ErrorKind::Misconfigured, message).with_source(source)))
            }
        };
        self.seen = seen;
        // A refusal is told and counted there.
        let _ = inner.replace_policy(loaded);
        Some(())
    }

    /// Watches the folders of all files, and those of the files that links lead to.
    fn follow_all(&mut self, sources: &Sources) {
        let home = folder_of(&self.path);
        let beside = sources.paths().skip(1).map(|path| home.join(PathBuf::from_iter(path.split('/'))));
        let files: Vec<_> = std::iter::once(self.path.clone()).chain(beside).collect();
        let targets: Vec<_> = files.iter().filter_map(|file| fs::canonicalize(file).ok()).collect();
        for file in files.iter().chain(&targets) {
            if let Err(error) = self.follow(folder_of(file)) {
                tracing::warn!(%error, "a folder of the policy cannot be watched; it is looked at every ten seconds");
            }
        }
    }

    fn follow(&mut self, folder: PathBuf) -> notify::Result<()> {
        if !self.folders.contains(&folder) {
            self.watcher.watch(&folder, RecursiveMode::NonRecursive)?;
            self.folders.insert(folder);
        }
        Ok(())
    }
}

fn watcher(signals: Sender<Signal>) -> notify::Result<RecommendedWatcher> {
    notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
        // What went wrong with watching may have hidden a change. That somebody reads the files, as we do, is none.
        let is_change = event.map_or(true, |event| match event.kind {
            EventKind::Access(kind) => kind == AccessKind::Close(AccessMode::Write),
            _ => true,
        });
        if is_change {
            let _ = signals.send(Signal::Changed);
        }
    })
}

fn folder_of(file: &Path) -> PathBuf {
    match file.parent() {
        Some(folder) if folder != Path::new("") => folder.to_owned(),
        _ => PathBuf::from("."),
    }
}

/// How long nothing has to happen before the files are read: several of them may be on their way.
const QUIET: Duration = Duration::from_millis(100);

/// How often that is waited for: a folder in which something happens all the time is looked at, too.
const MOST_WAITS: u32 = 20;

/// How long to wait before looking without having been told.
const LOOK_ANYWAY: Duration = Duration::from_secs(10);
