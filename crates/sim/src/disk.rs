//! A disk that fails on demand and forgets what was not synced.
//!
//! It stands in for a [`RealDisk`](journal::RealDisk) below a journal and knows only files, sectors and names. What it does follows
//! from its seed and the order of calls alone. It is as harsh as a real disk may be: a write that was not synced survives a
//! power loss wholly, in some of its sectors, or not at all; so does a created, renamed or removed name; a failed sync may have
//! kept any part, and no later sync will write the rest; reads may be short.

use std::{
    collections::BTreeMap,
    io,
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard},
};

use journal::{Access, Disk, DiskFile};

/// Bytes that survive a power loss together or not at all.
pub const SECTOR_BYTES: usize = 512;

/// What can be asked of a disk, and fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DiskOperation {
    /// Creating a file.
    Create,
    /// Opening a file.
    Open,
    /// Listing the names.
    List,
    /// Asking whether a name exists.
    Exists,
    /// Removing a file.
    Remove,
    /// Renaming a file.
    Rename,
    /// Making names durable.
    SyncDirectory,
    /// Locking the directory.
    Lock,
    /// Asking for the free space.
    FreeBytes,
    /// Writing to a file.
    Write,
    /// Reading from a file.
    Read,
    /// Making a file's bytes durable.
    Sync,
    /// Asking for a file's length.
    Length,
    /// Giving a file its space.
    Allocate,
}

impl DiskOperation {
    /// Tells whether it changes anything, and so can't be done on a read-only disk.
    fn changes(self) -> bool {
        !matches!(self, Self::Open | Self::List | Self::Exists | Self::FreeBytes | Self::Read | Self::Length)
    }
}

/// How a disk fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DiskFailure {
    /// The device failed (`EIO`).
    Io,
    /// The disk is full (`ENOSPC`).
    NoSpace,
    /// The disk may only be read (`EROFS`).
    ReadOnly,
}

impl DiskFailure {
    fn error(self) -> io::Error {
        io::Error::from_raw_os_error(match self {
            Self::Io => 5,
            Self::NoSpace => 28,
            Self::ReadOnly => 30,
        })
    }
}

/// A failure that is to come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fault {
    /// Which operations count; `None`: all.
    pub operation: Option<DiskOperation>,
    /// Which of them fails, counted from 1 from now on.
    pub nth: u64,
    /// How.
    pub failure: DiskFailure,
    /// Whether all that follow fail too.
    pub lasting: bool,
}

/// A sequence of numbers that follows from a seed (SplitMix64).
#[derive(Debug, Clone)]
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    fn one_in(&mut self, count: u64) -> bool {
        self.next().is_multiple_of(count)
    }
}

#[derive(Debug, Clone)]
struct Write {
    offset: usize,
    bytes: Vec<u8>,
}

impl Write {
    fn apply(&self, to: &mut Vec<u8>) {
        let end = self.offset + self.bytes.len();
        if to.len() < end {
            to.resize(end, 0);
        }
        to[self.offset..end].copy_from_slice(&self.bytes);
    }

    /// Returns what may be left of it: all, nothing, or some of its sectors, as separate writes.
    fn survivors(self, chance: &mut Chance) -> Vec<Self> {
        match chance.next() % 4 {
            0 => return vec![self],
            1 => return Vec::new(),
            _ => {}
        }
        let mut survivors = Vec::new();
        let end = self.offset + self.bytes.len();
        let mut start = self.offset;
        while start < end {
            let next = ((start / SECTOR_BYTES + 1) * SECTOR_BYTES).min(end);
            if chance.one_in(2) {
                let bytes = self.bytes[start - self.offset..next - self.offset].to_vec();
                survivors.push(Self { offset: start, bytes });
            }
            start = next;
        }
        survivors
    }
}

#[derive(Debug, Clone, Default)]
struct Inode {
    /// What a read sees.
    visible: Vec<u8>,
    /// What a power loss leaves for certain.
    durable: Vec<u8>,
    unsynced: Vec<Write>,
}

#[derive(Debug, Clone)]
enum NameChange {
    Bind { name: String, inode: usize },
    Move { from: String, to: String, inode: usize },
    Unbind { name: String, inode: usize },
}

impl NameChange {
    fn apply(&self, names: &mut BTreeMap<String, usize>) {
        let unbind = |names: &mut BTreeMap<String, usize>, name: &String, inode: usize| {
            if names.get(name) == Some(&inode) {
                names.remove(name);
            }
        };
        match self {
            Self::Bind { name, inode } => {
                names.insert(name.clone(), *inode);
            }
            Self::Move { from, to, inode } => {
                unbind(names, from, *inode);
                names.insert(to.clone(), *inode);
            }
            Self::Unbind { name, inode } => unbind(names, name, *inode),
        }
    }
}

#[derive(Debug)]
struct State {
    inodes: Vec<Inode>,
    names: BTreeMap<String, usize>,
    durable_names: BTreeMap<String, usize>,
    unsynced_names: Vec<NameChange>,
    locked: bool,
    read_only: bool,
    capacity_bytes: Option<u64>,
    faults: Vec<Fault>,
    fault_reached: bool,
    operation_count: u64,
    chance: Chance,
}

impl State {
    /// Counts an operation, and fails it if that is due.
    fn begin(&mut self, operation: DiskOperation) -> io::Result<()> {
        self.operation_count += 1;
        if self.read_only && operation.changes() {
            return Err(DiskFailure::ReadOnly.error());
        }
        let mut failure = None;
        for fault in &mut self.faults {
            if fault.operation.is_some_and(|only| only != operation) {
                continue;
            }
            let due = fault.nth == 1 || (fault.nth == 0 && fault.lasting);
            fault.nth = fault.nth.saturating_sub(1);
            if due {
                failure.get_or_insert(fault.failure);
            }
        }
        self.fault_reached |= failure.is_some();
        failure.map_or(Ok(()), |failure| Err(failure.error()))
    }

    fn inode_of(&self, name: &str) -> io::Result<usize> {
        self.names.get(name).copied().ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))
    }

    fn change_names(&mut self, change: NameChange) {
        change.apply(&mut self.names);
        self.unsynced_names.push(change);
    }

    fn used_bytes(&self) -> usize {
        self.names.values().map(|inode| self.inodes[*inode].visible.len()).sum()
    }

    fn free_bytes(&self) -> Option<u64> {
        self.capacity_bytes.map(|capacity| capacity.saturating_sub(bytes_of(self.used_bytes())))
    }

    fn write(&mut self, inode: usize, write: Write) -> io::Result<()> {
        let end = write.offset + write.bytes.len();
        let growth = end.saturating_sub(self.inodes[inode].visible.len());
        if self.free_bytes().is_some_and(|free| bytes_of(growth) > free) {
            return Err(DiskFailure::NoSpace.error());
        }
        let inode = &mut self.inodes[inode];
        write.apply(&mut inode.visible);
        inode.unsynced.push(write);
        Ok(())
    }

    /// A write that fails may still have reached the file in part.
    fn write_in_part(&mut self, inode: usize, write: Write) {
        for survivor in write.survivors(&mut self.chance) {
            // No space for a part either.
            let _ = self.write(inode, survivor);
        }
    }
}

/// A simulated disk; clones are the same disk. See the module.
#[derive(Debug, Clone)]
pub struct SimDisk {
    state: Arc<Mutex<State>>,
}

impl SimDisk {
    /// Returns an empty disk of unlimited space.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self::with(Vec::new(), BTreeMap::new(), None, seed)
    }

    fn with(inodes: Vec<Inode>, names: BTreeMap<String, usize>, capacity_bytes: Option<u64>, seed: u64) -> Self {
        let state = State {
            inodes,
            durable_names: names.clone(),
            names,
            unsynced_names: Vec::new(),
            locked: false,
            read_only: false,
            capacity_bytes,
            faults: Vec::new(),
            fault_reached: false,
            operation_count: 0,
            chance: Chance(seed),
        };
        Self { state: Arc::new(Mutex::new(state)) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("nothing panics while it holds the disk")
    }

    /// Returns the disk as a power loss right now leaves it: unlocked, without faults, same capacity. What happens to
    /// what was not synced follows from the seed. This disk stays as it is.
    #[must_use]
    pub fn crash(&self, seed: u64) -> Self {
        let state = self.state();
        let mut chance = Chance(seed);
        let mut names = state.durable_names.clone();
        for change in &state.unsynced_names {
            if chance.one_in(2) {
                change.apply(&mut names);
            }
        }
        let inodes = state.inodes.iter().map(|inode| {
            let mut left = inode.durable.clone();
            for write in inode.unsynced.iter().cloned() {
                write.survivors(&mut chance).iter().for_each(|survivor| survivor.apply(&mut left));
            }
            Inode { visible: left.clone(), durable: left, unsynced: Vec::new() }
        });
        Self::with(inodes.collect(), names, state.capacity_bytes, chance.next())
    }

    /// Returns an independent disk with the same files, all durable, without faults: for one more try.
    #[must_use]
    pub fn duplicate(&self, seed: u64) -> Self {
        let state = self.state();
        let inodes = state.inodes.iter().map(|inode| Inode {
            visible: inode.visible.clone(),
            durable: inode.visible.clone(),
            unsynced: Vec::new(),
        });
        Self::with(inodes.collect(), state.names.clone(), state.capacity_bytes, seed)
    }

    /// Adds a failure to come.
    pub fn plan(&self, fault: Fault) {
        assert!(fault.nth >= 1, "operations are counted from 1");
        self.state().faults.push(fault);
    }

    /// Forgets all failures to come, and those that last.
    pub fn mend(&self) {
        self.state().faults.clear();
    }

    /// Tells whether any operation failed by plan.
    #[must_use]
    pub fn fault_reached(&self) -> bool {
        self.state().fault_reached
    }

    /// Returns how many operations were asked for so far.
    #[must_use]
    pub fn operation_count(&self) -> u64 {
        self.state().operation_count
    }

    /// Sets how many bytes all files may have together; `None`: any.
    pub fn set_capacity_bytes(&self, capacity_bytes: Option<u64>) {
        self.state().capacity_bytes = capacity_bytes;
    }

    /// Makes every change fail as on a read-only file system, or no longer.
    pub fn set_read_only(&self, read_only: bool) {
        self.state().read_only = read_only;
    }

    /// Flips one bit, as the medium might; durable at once.
    ///
    /// # Panics
    /// If there is no such file or byte, or the bit is above 7.
    pub fn flip_bit(&self, name: &str, offset: usize, bit: u32) {
        assert!(bit < 8, "a byte has eight bits");
        self.alter(name, |bytes| bytes[offset] ^= 1 << bit);
    }

    /// Cuts a file, or lengthens it by zeros; durable at once.
    ///
    /// # Panics
    /// If there is no such file.
    pub fn truncate(&self, name: &str, length: usize) {
        self.alter(name, |bytes| bytes.resize(length, 0));
    }

    /// Overwrites a part of a file; durable at once.
    ///
    /// # Panics
    /// If there is no such file, or the part is not inside it.
    pub fn overwrite(&self, name: &str, offset: usize, with: &[u8]) {
        self.alter(name, |bytes| bytes[offset..offset + with.len()].copy_from_slice(with));
    }

    fn alter(&self, name: &str, change: impl Fn(&mut Vec<u8>)) {
        let mut state = self.state();
        let inode = state.inode_of(name).expect("the file exists");
        let inode = &mut state.inodes[inode];
        for write in std::mem::take(&mut inode.unsynced) {
            write.apply(&mut inode.durable);
        }
        change(&mut inode.visible);
        inode.durable.clone_from(&inode.visible);
    }

    /// Returns the bytes of a file as a read sees them; `None` if there is none of that name.
    #[must_use]
    pub fn contents(&self, name: &str) -> Option<Vec<u8>> {
        let state = self.state();
        state.names.get(name).map(|inode| state.inodes[*inode].visible.clone())
    }

    /// Puts a file there, durable at once, in place of one of that name.
    pub fn put(&self, name: &str, bytes: Vec<u8>) {
        let mut state = self.state();
        let inode = state.inodes.len();
        state.inodes.push(Inode { visible: bytes.clone(), durable: bytes, unsynced: Vec::new() });
        state.names.insert(name.to_owned(), inode);
        state.durable_names.insert(name.to_owned(), inode);
    }

    /// Takes a file away, durable at once. Nothing happens if there is none of that name.
    pub fn lose(&self, name: &str) {
        let mut state = self.state();
        state.names.remove(name);
        state.durable_names.remove(name);
    }

    /// Returns all names, sorted.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        self.state().names.keys().cloned().collect()
    }
}

impl Disk for SimDisk {
    type File = SimFile;
    type Lock = SimLock;

    fn create_new(&self, name: &str) -> io::Result<SimFile> {
        let mut state = self.state();
        state.begin(DiskOperation::Create)?;
        if state.names.contains_key(name) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        let inode = state.inodes.len();
        state.inodes.push(Inode::default());
        state.change_names(NameChange::Bind { name: name.to_owned(), inode });
        Ok(SimFile { disk: self.clone(), inode, access: Access::ReadWrite })
    }

    fn open(&self, name: &str, access: Access) -> io::Result<SimFile> {
        let mut state = self.state();
        state.begin(DiskOperation::Open)?;
        let inode = state.inode_of(name)?;
        if state.read_only && access == Access::ReadWrite {
            return Err(DiskFailure::ReadOnly.error());
        }
        Ok(SimFile { disk: self.clone(), inode, access })
    }

    fn list(&self) -> io::Result<Vec<String>> {
        let mut state = self.state();
        state.begin(DiskOperation::List)?;
        Ok(state.names.keys().cloned().collect())
    }

    fn exists(&self, name: &str) -> io::Result<bool> {
        let mut state = self.state();
        state.begin(DiskOperation::Exists)?;
        Ok(state.names.contains_key(name))
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        let mut state = self.state();
        state.begin(DiskOperation::Remove)?;
        let inode = state.inode_of(name)?;
        state.change_names(NameChange::Unbind { name: name.to_owned(), inode });
        Ok(())
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let mut state = self.state();
        state.begin(DiskOperation::Rename)?;
        let inode = state.inode_of(from)?;
        state.change_names(NameChange::Move { from: from.to_owned(), to: to.to_owned(), inode });
        Ok(())
    }

    fn sync_directory(&self) -> io::Result<()> {
        let mut state = self.state();
        // A journalling file system keeps what a failed sync left for the next one, or can't be written any more.
        state.begin(DiskOperation::SyncDirectory)?;
        state.durable_names = state.names.clone();
        state.unsynced_names.clear();
        Ok(())
    }

    fn lock(&self) -> io::Result<SimLock> {
        let mut state = self.state();
        state.begin(DiskOperation::Lock)?;
        if state.locked {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        state.locked = true;
        Ok(SimLock { disk: self.clone() })
    }

    fn free_bytes(&self) -> io::Result<Option<u64>> {
        let mut state = self.state();
        state.begin(DiskOperation::FreeBytes)?;
        Ok(state.free_bytes())
    }

    fn path(&self, name: &str) -> PathBuf {
        PathBuf::from("/simulated").join(name)
    }
}

/// Holds the lock of a [`SimDisk`] until dropped.
#[derive(Debug)]
pub struct SimLock {
    disk: SimDisk,
}

impl Drop for SimLock {
    fn drop(&mut self) {
        self.disk.state().locked = false;
    }
}

/// An open file of a [`SimDisk`].
#[derive(Debug)]
pub struct SimFile {
    disk: SimDisk,
    inode: usize,
    access: Access,
}

impl SimFile {
    fn check_writable(&self) -> io::Result<()> {
        // What the operating system says (EBADF).
        if self.access == Access::ReadWrite { Ok(()) } else { Err(io::Error::from_raw_os_error(9)) }
    }

    fn change(&self, operation: DiskOperation, write: Write) -> io::Result<()> {
        self.check_writable()?;
        let mut state = self.disk.state();
        if let Err(error) = state.begin(operation) {
            state.write_in_part(self.inode, write);
            return Err(error);
        }
        state.write(self.inode, write)
    }
}

impl DiskFile for SimFile {
    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.change(DiskOperation::Write, Write { offset: index_of(offset), bytes: bytes.to_vec() })
    }

    fn read_at(&self, offset: u64, bytes: &mut [u8]) -> io::Result<usize> {
        let mut state = self.disk.state();
        state.begin(DiskOperation::Read)?;
        let short = bytes.len() > 1 && state.chance.one_in(8);
        let visible = &state.inodes[self.inode].visible;
        let from = index_of(offset).min(visible.len());
        let mut count = bytes.len().min(visible.len() - from);
        if short {
            count = count.div_ceil(2);
        }
        bytes[..count].copy_from_slice(&visible[from..from + count]);
        Ok(count)
    }

    fn sync_data(&self) -> io::Result<()> {
        let mut state = self.disk.state();
        let begun = state.begin(DiskOperation::Sync);
        let unsynced = std::mem::take(&mut state.inodes[self.inode].unsynced);
        for write in unsynced {
            // After a failed sync the rest counts as written: no later sync will try again.
            let kept = if begun.is_ok() { vec![write] } else { write.survivors(&mut state.chance) };
            let durable = &mut state.inodes[self.inode].durable;
            kept.iter().for_each(|write| write.apply(durable));
        }
        begun
    }

    fn length(&self) -> io::Result<u64> {
        let mut state = self.disk.state();
        state.begin(DiskOperation::Length)?;
        Ok(bytes_of(state.inodes[self.inode].visible.len()))
    }

    fn allocate(&self, length: u64) -> io::Result<()> {
        self.change(DiskOperation::Allocate, Write { offset: 0, bytes: vec![0; index_of(length)] })
    }
}

fn bytes_of(length: usize) -> u64 {
    u64::try_from(length).expect("a length in memory fits in 64 bits")
}

fn index_of(bytes: u64) -> usize {
    usize::try_from(bytes).expect("simulated files fit in memory")
}
