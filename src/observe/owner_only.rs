//! Files that only their owner may read: by their modes on Unix, by an access list on Windows.
//!
//! Windows has no such thing in its standard library. The calls of its own interface are `ffi`'s, the only room that may make
//! them; it hands them in before there is an adapter ([`on_windows`]). Without them, as in a test of one room, a file
//! has the rights of its directory there.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io;
use std::path::Path;

#[cfg(windows)]
mod system {
    use std::io;
    use std::path::Path;
    use std::sync::OnceLock;

    /// Makes a file if it is not there; if the flag is set, takes one that is there from everyone else.
    pub type MakeFile = fn(&Path, bool) -> io::Result<()>;
    /// Makes a directory, which is not there.
    pub type MakeDirectory = fn(&Path) -> io::Result<()>;

    pub(super) static CALLS: OnceLock<(MakeFile, MakeDirectory)> = OnceLock::new();

    /// From here on, files and directories are made so.
    pub fn on_windows(file: MakeFile, directory: MakeDirectory) {
        // Handed in with every adapter, and always the same.
        let _ = CALLS.set((file, directory));
    }
}

#[cfg(windows)]
pub use system::{MakeDirectory, MakeFile, on_windows};

/// Opens a file, which is its owner's only from here on, whatever it was before and whatever the process' mask says.
///
/// # Errors
///
/// It cannot be made, opened, or taken from everyone else.
pub fn take(path: &Path, options: &mut OpenOptions) -> io::Result<File> {
    #[cfg(windows)]
    if let Some((file, _)) = system::CALLS.get() {
        file(path, true)?;
    }
    let file = open_new(path, options)?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let permissions = file.metadata()?.permissions();
        if permissions.mode() & 0o077 != 0 {
            file.set_permissions(std::fs::Permissions::from_mode(0o600))?;
        }
    }
    Ok(file)
}

/// Opens a file; one that it makes is its owner's only, one that is there keeps the rights that somebody gave it.
///
/// # Errors
///
/// It cannot be made or opened.
pub fn make(path: &Path, options: &mut OpenOptions) -> io::Result<File> {
    #[cfg(windows)]
    if let Some((file, _)) = system::CALLS.get()
        && !path.exists()
    {
        file(path, false)?;
    }
    open_new(path, options)
}

fn open_new(path: &Path, options: &mut OpenOptions) -> io::Result<File> {
    options.create(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(options, 0o600);
    options.open(path)
}

/// Makes a directory that only its owner may look into, and what it lies in; one that is there keeps its rights.
///
/// # Errors
///
/// It cannot be made.
pub fn make_directory(path: &Path) -> io::Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    #[cfg(windows)]
    if let Some((_, directory)) = system::CALLS.get() {
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent)?;
        }
        return directory(path);
    }
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}
