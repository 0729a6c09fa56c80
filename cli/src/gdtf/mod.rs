//! `wristcast gdtf`: personalities and groups as files that consoles patch and visualisers show.
//!
//! | file | what |
//! |---|---|
//! | `mod.rs` | the command |
//! | `fixture.rs` | personalities as fixtures, groups as fixtures in the venue |
//! | `description.rs` | the XML of a `.gdtf` |
//! | `scene.rs` | the XML of a `.mvr` |
//! | `identity.rs` | identities that stay the same |
//! | `xml.rs` | documents and archives |

mod description;
mod fixture;
mod identity;
mod scene;
mod xml;

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use crate::exit::Failure;
use crate::show_file::ShowFile;
use fixture::Fixture;

/// Export personalities as GDTF fixtures for consoles, and a show's groups as an MVR scene.
///
/// Every personality that has a name is written, and those of the show's own. A console patches the
/// file once for each group: all bands of a group are one fixture.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  wristcast gdtf
  wristcast gdtf show.toml -o fixtures
  wristcast gdtf show.toml -o fixtures --mvr venue.mvr")]
pub(crate) struct Args {
    /// The show file; left out: only the personalities that have a name.
    #[arg(value_name = "SHOW.toml")]
    show: Option<PathBuf>,
    /// The folder to write to.
    #[arg(short, long, value_name = "DIR", default_value = ".")]
    output: PathBuf,
    /// Write the groups with their places and addresses, and the fixtures, to this file.
    #[arg(long, value_name = "FILE.mvr", requires = "show")]
    mvr: Option<PathBuf>,
}

pub(crate) fn run(args: &Args, out: &mut dyn Write) -> Result<(), Failure> {
    let config = match &args.show {
        Some(show) => Some(ShowFile::read(show)?.report()?),
        None => None,
    };
    let placed = config.as_ref().map(fixture::placed).unwrap_or_default();
    let mut fixtures = fixture::named();
    for one in &placed {
        if !fixtures.contains(&one.fixture) {
            fixtures.push(one.fixture.clone());
        }
    }
    fs::create_dir_all(&args.output).map_err(|error| cannot_write(&args.output, &error))?;
    for fixture in &fixtures {
        let path = args.output.join(fixture.file());
        write(&path, &gdtf(fixture)?)?;
        writeln!(out, "{}", path.display())?;
    }
    let (Some(path), Some(config)) = (&args.mvr, &config) else { return Ok(()) };
    let scene = scene::scene(&config.name, &placed)?;
    let mut files = vec![("GeneralSceneDescription.xml".to_owned(), scene)];
    // In a scene, only what is in it.
    for fixture in fixtures.iter().filter(|one| placed.iter().any(|p| p.fixture == **one)) {
        files.push((fixture.file(), gdtf(fixture)?));
    }
    let files: Vec<(&str, &[u8])> =
        files.iter().map(|(name, bytes)| (&name[..], &bytes[..])).collect();
    write(path, &xml::archive(&files)?)?;
    writeln!(out, "{}", path.display())?;
    for (universe, number) in scene::numbers(&placed) {
        writeln!(out, "universe {number} of the scene is {universe}")?;
    }
    Ok(())
}

fn gdtf(fixture: &Fixture) -> Result<Vec<u8>, Failure> {
    let description = description::description(fixture)?;
    Ok(xml::archive(&[("description.xml", &description)])?)
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    fs::write(path, bytes).map_err(|error| cannot_write(path, &error))
}

fn cannot_write(path: &Path, error: &std::io::Error) -> Failure {
    Failure::cannot_start(format!("cannot write {}: {error}", path.display()))
}
