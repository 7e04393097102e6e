//! Where a tile is published: the paths of [C2SP tlog-tiles](https://c2sp.org/tlog-tiles).

use super::tile::TILE_HEIGHT;
use super::{TILE_WIDTH, TileId};
use std::fmt;
use std::str::FromStr;
use thiserror::Error;

/// Levels are numbered up to this one.
const HIGHEST_LEVEL: u8 = 63;
/// Longer than the path of the last entry bundle that has a number.
const LONGEST: usize = 64;
/// Numbers are written in groups of three digits.
const GROUP: u64 = 1000;

/// A tile's path below the prefix of its log, without a slash in front:
/// `tile/0/x001/067.p/5` or `tile/entries/000`.
///
/// ```
/// use cryptlet_attest::log::{TileId, TilePath};
///
/// let path: TilePath = "tile/0/x001/067.p/5".parse()?;
/// assert_eq!(path.hashes(), Some(TileId { level: 0, index: 1067 }));
/// assert_eq!(path.width(), 5);
/// assert!(path.is_covered_by(1067 * 256 + 5));
/// # Ok::<(), cryptlet_attest::log::TilePathError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TilePath {
    kind: Kind,
    index: u64,
    width: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Kind {
    Hashes { level: u8 },
    Entries,
}

/// Why a text is not the path of a tile.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum TilePathError {
    /// It does not begin with `tile/` and a level or `entries`.
    #[error("a tile's path begins with `tile/` and a level from 0 to 63, or with `tile/entries/`")]
    Level,
    /// The number is not written in the one way.
    #[error(
        "a tile's number is written in groups of three digits with `/` between, all but the last with an `x` in front"
    )]
    Index,
    /// The width is not that of a partial tile.
    #[error("a partial tile's width is a number from 1 to 255, after `.p/`")]
    Width,
}

impl TilePath {
    /// The tile of hashes `tile` while it has `width` of them.
    ///
    /// # Errors
    ///
    /// If there is no such level or width.
    pub fn tile(tile: TileId, width: u64) -> Result<Self, TilePathError> {
        if tile.level > HIGHEST_LEVEL {
            return Err(TilePathError::Level);
        }
        let kind = Kind::Hashes { level: tile.level };
        Self::new(kind, tile.index, width)
    }

    /// The bundle of the entries from `index` * 256 on, while it has `width` of them.
    ///
    /// # Errors
    ///
    /// If there is no such width.
    pub fn entries(index: u64, width: u64) -> Result<Self, TilePathError> {
        Self::new(Kind::Entries, index, width)
    }

    fn new(kind: Kind, index: u64, width: u64) -> Result<Self, TilePathError> {
        if !(1..=TILE_WIDTH).contains(&width) {
            return Err(TilePathError::Width);
        }
        Ok(Self { kind, index, width })
    }

    pub(super) fn full_tile(tile: TileId) -> Self {
        Self {
            kind: Kind::Hashes { level: tile.level },
            index: tile.index,
            width: TILE_WIDTH,
        }
    }

    /// Everything that a log publishes when it grows from `old` to `size` entries: bundles
    /// of entries and tiles of hashes that are new or became wider, level by level.
    pub fn grown(old: u64, size: u64) -> impl Iterator<Item = Self> {
        let kinds = std::iter::once(Kind::Entries)
            .chain((0..=HIGHEST_LEVEL).map(|level| Kind::Hashes { level }));
        kinds.flat_map(move |kind| {
            let (before, after) = (kind.count(old), kind.count(size));
            let changed = if before < after {
                before / TILE_WIDTH..after.div_ceil(TILE_WIDTH)
            } else {
                0..0
            };
            changed.map(move |index| Self {
                kind,
                index,
                width: (after - index * TILE_WIDTH).min(TILE_WIDTH),
            })
        })
    }

    /// Which tile of hashes this is, unless it is a bundle of entries.
    pub fn hashes(&self) -> Option<TileId> {
        match self.kind {
            Kind::Hashes { level } => Some(TileId {
                level,
                index: self.index,
            }),
            Kind::Entries => None,
        }
    }

    /// The number of the tile in its level, or of the bundle.
    pub fn index(&self) -> u64 {
        self.index
    }

    /// How many hashes or entries it has, from 1 to 256.
    pub fn width(&self) -> u64 {
        self.width
    }

    /// Whether it can never change.
    pub fn is_full(&self) -> bool {
        self.width == TILE_WIDTH
    }

    /// Whether a log of `size` entries has all of it.
    pub fn is_covered_by(&self, size: u64) -> bool {
        let end = u128::from(self.index) * u128::from(TILE_WIDTH) + u128::from(self.width);
        end <= u128::from(self.kind.count(size))
    }
}

impl Kind {
    /// How many hashes or entries of this kind a log of `size` entries has.
    fn count(self, size: u64) -> u64 {
        match self {
            Self::Hashes { level } => size
                .checked_shr(u32::from(level) * u32::from(TILE_HEIGHT))
                .unwrap_or(0),
            Self::Entries => size,
        }
    }
}

impl fmt::Display for TilePath {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            Kind::Hashes { level } => write!(formatter, "tile/{level}/")?,
            Kind::Entries => formatter.write_str("tile/entries/")?,
        }
        write_groups(self.index / GROUP, formatter)?;
        write!(formatter, "{:03}", self.index % GROUP)?;
        if self.is_full() {
            return Ok(());
        }
        write!(formatter, ".p/{}", self.width)
    }
}

/// All groups of a number but the last.
fn write_groups(number: u64, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
    if number == 0 {
        return Ok(());
    }
    write_groups(number / GROUP, formatter)?;
    write!(formatter, "x{:03}/", number % GROUP)
}

impl FromStr for TilePath {
    type Err = TilePathError;

    fn from_str(text: &str) -> Result<Self, TilePathError> {
        if text.len() > LONGEST {
            return Err(TilePathError::Index);
        }
        let rest = text.strip_prefix("tile/").ok_or(TilePathError::Level)?;
        let (level, rest) = rest.split_once('/').ok_or(TilePathError::Level)?;
        let kind = if level == "entries" {
            Kind::Entries
        } else {
            Kind::Hashes {
                level: read_level(level)?,
            }
        };
        let (number, width) = match rest.split_once(".p/") {
            Some((number, width)) => (number, read_width(width)?),
            None => (rest, TILE_WIDTH),
        };
        Self::new(kind, read_groups(number)?, width)
    }
}

fn read_level(text: &str) -> Result<u8, TilePathError> {
    read_decimal(text)
        .and_then(|level| u8::try_from(level).ok())
        .filter(|level| *level <= HIGHEST_LEVEL)
        .ok_or(TilePathError::Level)
}

fn read_width(text: &str) -> Result<u64, TilePathError> {
    read_decimal(text)
        .filter(|width| (1..TILE_WIDTH).contains(width))
        .ok_or(TilePathError::Width)
}

fn read_groups(text: &str) -> Result<u64, TilePathError> {
    let mut groups = text.split('/').rev();
    let last = groups.next().unwrap_or_default();
    let mut number = read_group(last)?;
    let mut scale = Some(GROUP);
    let mut first = None;
    for group in groups {
        let group = read_group(group.strip_prefix('x').ok_or(TilePathError::Index)?)?;
        number = scale
            .and_then(|scale| group.checked_mul(scale))
            .and_then(|part| number.checked_add(part))
            .ok_or(TilePathError::Index)?;
        scale = scale.and_then(|scale| scale.checked_mul(GROUP));
        first = Some(group);
    }
    if first == Some(0) {
        return Err(TilePathError::Index);
    }
    Ok(number)
}

fn read_group(text: &str) -> Result<u64, TilePathError> {
    if text.len() != 3 || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(TilePathError::Index);
    }
    text.parse().map_err(|_| TilePathError::Index)
}

/// A number without leading zeros.
pub(super) fn read_decimal(text: &str) -> Option<u64> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    if !digits || (text.len() > 1 && text.starts_with('0')) {
        return None;
    }
    text.parse().ok()
}
