// SPDX-License-Identifier: GPL-2.0

//! `bench disk`: what users of a disk do. Nothing of it is in memory when they begin.

use crate::{marker, report};
use rustix::fs::{fadvise, Advice};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

const CHUNK: usize = 1 << 20;
const PAGE: usize = 4096;
const KIB_OF_MIB: usize = 1024;
/// A generator's constants (Knuth, MMIX): every run reads the same pages.
const FACTOR: u64 = 6_364_136_223_846_793_005;
const SUMMAND: u64 = 1_442_695_040_888_963_407;

/// Measures one of these actions:
///
/// - `read`, `write`: COUNT MiB from the beginning of PATH, a device, and it has them in the end
/// - `random`: COUNT pages here and there in PATH, a device, one after the other
/// - `create`, `delete`: COUNT files of a page in PATH, a directory, and it has them in the end
pub fn run(arguments: &[&str]) -> io::Result<()> {
    let [label, action, path, count] = arguments else {
        return Err(io::Error::other("wanted: LABEL ACTION PATH COUNT"));
    };
    let count: usize = count.parse().map_err(io::Error::other)?;
    let path = Path::new(path);
    fs::write("/proc/sys/vm/drop_caches", "3")?;
    let (units, elapsed) = match *action {
        "read" => (count * KIB_OF_MIB, measure(|| read(path, count))?),
        "write" => (count * KIB_OF_MIB, measure(|| write(path, count))?),
        "random" => (count, measure(|| random(path, count))?),
        "create" => (count, measure(|| create(path, count))?),
        "delete" => (count, measure(|| delete(path, count))?),
        other => return Err(io::Error::other(format!("'{other}' is no action"))),
    };
    let bytes = match *action {
        "read" | "write" => count * CHUNK,
        _ => count * PAGE,
    };
    report::work(label, units, bytes, elapsed)
}

fn measure(work: impl FnOnce() -> io::Result<()>) -> io::Result<Duration> {
    let begin = Instant::now();
    marker::start();
    work()?;
    marker::end();
    Ok(begin.elapsed())
}

fn read(path: &Path, count: usize) -> io::Result<()> {
    let mut disk = File::open(path)?;
    let mut chunk = vec![0; CHUNK];
    (0..count).try_for_each(|_| disk.read_exact(&mut chunk))
}

fn write(path: &Path, count: usize) -> io::Result<()> {
    let mut disk = OpenOptions::new().write(true).open(path)?;
    let chunk = vec![0; CHUNK];
    (0..count).try_for_each(|_| disk.write_all(&chunk))?;
    disk.sync_all()
}

fn random(path: &Path, count: usize) -> io::Result<()> {
    let mut disk = File::open(path)?;
    let pages = disk.seek(SeekFrom::End(0))? / PAGE as u64;
    // Without it the kernel reads more than it is asked for.
    fadvise(&disk, 0, None, Advice::Random)?;
    let (mut page, mut state) = ([0; PAGE], 1_u64);
    for _ in 0..count {
        state = state.wrapping_mul(FACTOR).wrapping_add(SUMMAND);
        disk.seek(SeekFrom::Start((state >> 32) % pages * PAGE as u64))?;
        disk.read_exact(&mut page)?;
    }
    Ok(())
}

fn create(directory: &Path, count: usize) -> io::Result<()> {
    names(directory, count).try_for_each(|name| fs::write(name, [0; PAGE]))?;
    sync(directory)
}

fn delete(directory: &Path, count: usize) -> io::Result<()> {
    names(directory, count).try_for_each(fs::remove_file)?;
    sync(directory)
}

fn names(directory: &Path, count: usize) -> impl Iterator<Item = PathBuf> + '_ {
    (0..count).map(move |number| directory.join(number.to_string()))
}

fn sync(directory: &Path) -> io::Result<()> {
    Ok(rustix::fs::syncfs(File::open(directory)?)?)
}
