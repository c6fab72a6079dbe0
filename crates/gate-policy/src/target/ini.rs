//! A file of sections as Python's `configparser` reads it, which botocore uses.
//!
//! What two versions of it could read in two ways is refused: control
//! characters, lone carriage returns, a section or a key that stands twice, a
//! section of defaults for all others, and what stands behind a `]`.

/// The most lines of a file.
const LINES: usize = 20_000;
/// The most sections, and the most keys of one.
const ENTRIES: usize = 2_000;

/// The sections in the order of the file.
#[derive(Debug, Default)]
pub(super) struct Ini {
    pub(super) sections: Vec<Section>,
}

impl Ini {
    /// Returns the value of a key of a section, empty where there is none.
    pub(super) fn value(&self, section: &str, key: &str) -> &str {
        let mut sections = self.sections.iter();
        let found = sections.find(|known| known.name == section);
        found.map_or("", |section| section.value(key))
    }
}

/// One section.
#[derive(Debug, Default)]
pub(super) struct Section {
    pub(super) name: String,
    /// Keys in small letters. A value of several lines has their ends.
    pub(super) values: Vec<(String, String)>,
}

impl Section {
    /// Returns the value of a key, empty where there is none.
    pub(super) fn value(&self, key: &str) -> &str {
        let mut values = self.values.iter();
        values
            .find(|(name, _)| name == key)
            .map_or("", |(_, value)| value)
    }

    /// Returns a value that stands indented below a key: `s3 =`, and in the
    /// next line `  endpoint_url = x`.
    pub(super) fn nested(&self, key: &str, name: &str) -> &str {
        let value = self.value(key);
        let lines = value.strip_prefix('\n').map_or("", |lines| lines).lines();
        let pairs = lines.filter_map(|line| line.split_once('='));
        let mut found = pairs.filter(|(known, _)| known.trim() == name);
        found.next_back().map_or("", |(_, value)| value.trim())
    }
}

/// Reads a file.
///
/// # Errors
/// Why it is not understood, as a fragment.
pub(super) fn read(content: &[u8]) -> Result<Ini, String> {
    let text = std::str::from_utf8(content).map_err(|_| "it is no UTF-8".to_owned())?;
    let text = text.replace("\r\n", "\n");
    if text.contains(is_refused) {
        return Err("it has control characters".to_owned());
    }
    let mut reader = Reader::default();
    for (number, line) in text.split('\n').enumerate() {
        if number > LINES {
            return Err("it is too long".to_owned());
        }
        reader
            .line(line)
            .map_err(|problem| format!("line {}: {problem}", number + 1))?;
    }
    Ok(reader.finish())
}

fn is_refused(letter: char) -> bool {
    (letter.is_control() && !matches!(letter, '\n' | '\t'))
        || matches!(letter, '\u{feff}' | '\u{2028}' | '\u{2029}')
}

#[derive(Default)]
struct Reader {
    ini: Ini,
    /// How far the key stands in whose value can go on.
    indent: usize,
    has_key: bool,
}

impl Reader {
    fn line(&mut self, line: &str) -> Result<(), String> {
        let text = line.trim();
        if text.starts_with(['#', ';']) {
            return Ok(());
        }
        if text.is_empty() {
            if let Some(value) = self.open_value() {
                value.push('\n');
            }
            return Ok(());
        }
        let indent = line
            .chars()
            .take_while(|letter| letter.is_whitespace())
            .count();
        let goes_on = indent > self.indent;
        if goes_on && let Some(value) = self.open_value() {
            value.push('\n');
            value.push_str(text);
            return Ok(());
        }
        self.indent = indent;
        if let Some(name) = text.strip_prefix('[').filter(|name| name.contains(']')) {
            return self.section(name);
        }
        self.key(text)
    }

    /// Returns the value that the next line can go on with.
    fn open_value(&mut self) -> Option<&mut String> {
        if !self.has_key {
            return None;
        }
        let (_, value) = self.ini.sections.last_mut()?.values.last_mut()?;
        Some(value)
    }

    fn section(&mut self, name: &str) -> Result<(), String> {
        let Some(name) = name.strip_suffix(']').filter(|name| !name.contains(']')) else {
            return Err("something stands behind a section".to_owned());
        };
        let is_known = self.ini.sections.iter().any(|known| known.name == name);
        if is_known || name == "DEFAULT" || self.ini.sections.len() >= ENTRIES {
            return Err(format!("section `{name}` stands twice or for all others"));
        }
        self.has_key = false;
        self.ini.sections.push(Section {
            name: name.to_owned(),
            values: Vec::new(),
        });
        Ok(())
    }

    fn key(&mut self, text: &str) -> Result<(), String> {
        let Some(section) = self.ini.sections.last_mut() else {
            return Err("a setting stands in no section".to_owned());
        };
        let Some((name, value)) = text.split_once(['=', ':']) else {
            return Err("a setting has no value".to_owned());
        };
        let name = name.trim_end().to_lowercase();
        let is_known = section.values.iter().any(|(known, _)| *known == name);
        if name.is_empty() || is_known || section.values.len() >= ENTRIES {
            return Err(format!("the setting `{name}` stands twice"));
        }
        section.values.push((name, value.trim().to_owned()));
        self.has_key = true;
        Ok(())
    }

    fn finish(mut self) -> Ini {
        let sections = self.ini.sections.iter_mut();
        for (_, value) in sections.flat_map(|section| section.values.iter_mut()) {
            value.truncate(value.trim_end().len());
        }
        self.ini
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_split_as_configparser_splits_it() {
        let text = "# c\n[profile a]\nRegion : eu\n; c\ns3 =\n  endpoint_url = http://x=y\n\n  a = b\n\
                    role=\n[b] \n  k = v # no comment\n   goes on\n";
        let ini = read(text.as_bytes()).unwrap();
        let [a, b] = &ini.sections[..] else { panic!() };
        assert_eq!((a.name.as_str(), a.value("region")), ("profile a", "eu"));
        assert_eq!(a.nested("s3", "endpoint_url"), "http://x=y");
        assert_eq!(a.nested("s3", "a"), "b");
        assert_eq!(a.value("role"), "");
        assert_eq!(b.value("k"), "v # no comment\ngoes on");
        assert!(read(b"").unwrap().sections.is_empty());
    }

    #[test]
    fn what_can_be_read_in_two_ways_is_refused() {
        for text in [
            "a = b\n",
            "[a]\nb\n",
            "[a]\nb = 1\nB = 2\n",
            "[a]\n[a]\n",
            "[DEFAULT]\nx = y\n",
            "[a] b]\n",
            "[a]\nx = y\rz = w\n",
            "[a]\n = x\n",
            "\u{feff}[a]\n",
        ] {
            assert!(read(text.as_bytes()).is_err(), "{text}");
        }
    }
}
