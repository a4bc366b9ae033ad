use super::message::{message, numbers, packed};
use super::{IndexedValue, StringIndex};
use crate::wire::{Full, Payload, Reader, Writer};

mod field {
    pub(super) mod mapping {
        pub(in super::super) const START: u32 = 1;
        pub(in super::super) const LIMIT: u32 = 2;
        pub(in super::super) const FILE_OFFSET: u32 = 3;
        pub(in super::super) const FILE: u32 = 4;
        pub(in super::super) const ATTRIBUTES: u32 = 5;
    }
    pub(super) mod location {
        pub(in super::super) const MAPPING: u32 = 1;
        pub(in super::super) const ADDRESS: u32 = 2;
        pub(in super::super) const LINES: u32 = 3;
        pub(in super::super) const ATTRIBUTES: u32 = 4;
    }
    pub(super) mod line {
        pub(in super::super) const FUNCTION: u32 = 1;
        pub(in super::super) const LINE: u32 = 2;
        pub(in super::super) const COLUMN: u32 = 3;
    }
    pub(super) mod function {
        pub(in super::super) const NAME: u32 = 1;
        pub(in super::super) const SYSTEM_NAME: u32 = 2;
        pub(in super::super) const FILE: u32 = 3;
        pub(in super::super) const START_LINE: u32 = 4;
    }
    pub(super) mod attribute {
        pub(in super::super) const KEY: u32 = 1;
        pub(in super::super) const VALUE: u32 = 2;
        pub(in super::super) const UNIT: u32 = 3;
    }
    pub(super) mod link {
        pub(in super::super) const TRACE_ID: u32 = 1;
        pub(in super::super) const SPAN_ID: u32 = 2;
    }
    pub(super) mod stack {
        pub(in super::super) const LOCATIONS: u32 = 1;
    }
}

/// The tables, by the numbers of their fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Table {
    Mappings = 1,
    Locations = 2,
    Functions = 3,
    Links = 4,
    Strings = 5,
    Attributes = 6,
    Stacks = 7,
}

impl Table {
    pub(super) const ALL: [Self; 7] = [
        Self::Mappings,
        Self::Locations,
        Self::Functions,
        Self::Links,
        Self::Strings,
        Self::Attributes,
        Self::Stacks,
    ];

    /// The entry of that content among the dictionary's fields, or how many entries there are.
    pub(super) fn find(self, dictionary: &[u8], wanted: &[u8]) -> Result<i32, i32> {
        let mut count = 0;
        for field in Reader::new(dictionary) {
            if let Ok((number, Payload::Len(entry))) = field
                && number == self as u32
            {
                if entry == wanted {
                    return Ok(count);
                }
                count += 1;
            }
        }
        Err(count)
    }
}

macro_rules! indices {
    ($($name:ident: $what:literal),* $(,)?) => {$(
        #[doc = concat!("A place in a profile's table of ", $what, ". The default is none.")]
        ///
        /// ```
        #[doc = concat!("let none = smoltel_core::otlp::profiles::", stringify!($name), "::default();")]
        /// # let _ = none;
        /// ```
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        pub struct $name(pub(super) i32);

        impl $name {
            pub(super) fn number(self) -> u64 {
                self.0 as u64
            }
        }
    )*};
}

indices!(
    MappingIndex: "mappings",
    LocationIndex: "locations",
    FunctionIndex: "functions",
    LinkIndex: "links to spans",
    AttributeIndex: "attributes",
    StackIndex: "stacks",
);

/// A binary in memory.
///
/// ```
/// use smoltel_core::otlp::profiles::Mapping;
/// let flash = Mapping { memory_start: 0x0800_0000, memory_limit: 0x0802_0000, ..Mapping::default() };
/// # let _ = flash;
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct Mapping<'a> {
    /// The first address.
    pub memory_start: u64,
    /// The address behind the last one.
    pub memory_limit: u64,
    /// Where in the file the first address's content is.
    pub file_offset: u64,
    /// The file's name.
    pub file: StringIndex,
    /// Attributes, such as the build's id.
    pub attributes: &'a [AttributeIndex],
}

impl Mapping<'_> {
    pub(super) fn encode(&self, w: &mut Writer<'_>) -> Result<(), Full> {
        use field::mapping as number;
        numbers(
            w,
            &[
                (number::START, self.memory_start),
                (number::LIMIT, self.memory_limit),
                (number::FILE_OFFSET, self.file_offset),
                (number::FILE, self.file.number()),
            ],
        )?;
        packed(w, number::ATTRIBUTES, self.attributes.iter().map(|index| index.number()))
    }
}

/// An address, and the source's lines if they are known.
///
/// ```
/// use smoltel_core::otlp::profiles::Location;
/// let location = Location { address: 0x0800_1234, ..Location::default() };
/// # let _ = location;
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct Location<'a> {
    /// What binary it is in.
    pub mapping: MappingIndex,
    /// The address of the instruction.
    pub address: u64,
    /// The lines: of several, the last one calls those before it, which were inlined.
    pub lines: &'a [Line],
    /// Attributes.
    pub attributes: &'a [AttributeIndex],
}

impl Location<'_> {
    pub(super) fn encode(&self, w: &mut Writer<'_>) -> Result<(), Full> {
        use field::location as number;
        numbers(w, &[(number::MAPPING, self.mapping.number()), (number::ADDRESS, self.address)])?;
        self.lines.iter().try_for_each(|line| message(w, number::LINES, &line.numbers()))?;
        packed(w, number::ATTRIBUTES, self.attributes.iter().map(|index| index.number()))
    }
}

/// A place in the source.
///
/// ```
/// use smoltel_core::otlp::profiles::Line;
/// let line = Line { line: 12, ..Line::default() };
/// # let _ = line;
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct Line {
    /// The function.
    pub function: FunctionIndex,
    /// The line from 1 on, or 0.
    pub line: i64,
    /// The column from 1 on, or 0.
    pub column: i64,
}

impl Line {
    fn numbers(&self) -> [(u32, u64); 3] {
        use field::line as number;
        [
            (number::FUNCTION, self.function.number()),
            (number::LINE, self.line as u64),
            (number::COLUMN, self.column as u64),
        ]
    }
}

/// A function. It has a name or a file; one without is none.
///
/// ```
/// use smoltel_core::otlp::profiles::Function;
/// let function = Function { start_line: 12, ..Function::default() };
/// # let _ = function;
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct Function {
    /// The name that people know.
    pub name: StringIndex,
    /// The name that the linker knows.
    pub system_name: StringIndex,
    /// The source file.
    pub file: StringIndex,
    /// The line that it starts at, from 1 on, or 0.
    pub start_line: i64,
}

impl Function {
    pub(super) fn is_named(&self) -> bool {
        [self.name, self.system_name, self.file] != [StringIndex::default(); 3]
    }

    pub(super) fn encode(&self, w: &mut Writer<'_>) -> Result<(), Full> {
        use field::function as number;
        numbers(
            w,
            &[
                (number::NAME, self.name.number()),
                (number::SYSTEM_NAME, self.system_name.number()),
                (number::FILE, self.file.number()),
                (number::START_LINE, self.start_line as u64),
            ],
        )
    }
}

pub(super) fn attribute(
    w: &mut Writer<'_>,
    key: StringIndex,
    value: &IndexedValue<'_>,
    unit: StringIndex,
) -> Result<(), Full> {
    use field::attribute as number;
    numbers(w, &[(number::KEY, key.number())])?;
    w.head(number::VALUE, value.encoded_len())?;
    value.encode(w)?;
    numbers(w, &[(number::UNIT, unit.number())])
}

/// A link; the one to no span has ids of zeros, not none, for readers that expect their length.
pub(super) fn link(w: &mut Writer<'_>, trace_id: &[u8; 16], span_id: &[u8; 8]) -> Result<(), Full> {
    w.bytes(field::link::TRACE_ID, trace_id)?;
    w.bytes(field::link::SPAN_ID, span_id)
}

pub(super) fn stack(w: &mut Writer<'_>, locations: &[LocationIndex]) -> Result<(), Full> {
    packed(w, field::stack::LOCATIONS, locations.iter().map(|index| index.number()))
}
