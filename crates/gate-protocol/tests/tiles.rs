//! The log as tiles: C2SP tlog-tiles.

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use gate_protocol::canonical::Digest;
    use gate_protocol::log::{
        BundleError, TILE_WIDTH, Tile, TileBuilder, TileContent, append_entry, entries,
        inclusion_proof, inclusion_proof_of_tile, leaf_hash, root,
    };

    const fn hashes(level: u8, index: u64, width: u16) -> Tile {
        Tile {
            content: TileContent::Hashes { level },
            index,
            width,
        }
    }

    /// The examples of the specification, and each other shape.
    #[test]
    fn a_tile_has_one_path() {
        let entries = Tile {
            content: TileContent::Entries,
            index: 67,
            width: 5,
        };
        for (tile, path) in [
            (hashes(0, 0, 256), "tile/0/000"),
            (hashes(7, 1_234_067, 256), "tile/7/x001/x234/067"),
            (hashes(1, 1_000, 1), "tile/1/x001/000.p/1"),
            (entries, "tile/entries/067.p/5"),
        ] {
            assert_eq!(tile.to_string(), path);
            assert_eq!(Tile::parse(path), Some(tile));
        }
        for path in [
            "",
            "tile",
            "tile/0",
            "tile/0/",
            "tile/0/0",
            "tile/00/000",
            "tile/8/000",
            "tile/+1/000",
            "tile/0/x000/001",
            "tile/0/001/x001",
            "tile/0/x001",
            "tile/0/0000",
            "tile/0/000.p/0",
            "tile/0/000.p/256",
            "tile/0/000.p/05",
            "tile/0/000.p/257",
            "tile/entry/000",
            "tile/0/../000",
            "/tile/0/000",
            "tile/0/x018/x446/x744/x073/x709/x551/616",
        ] {
            assert_eq!(Tile::parse(path), None, "{path}");
        }
        assert_eq!(hashes(7, u64::MAX, 256).leaves(), None);
        assert_eq!(hashes(1, 2, 3).leaves(), Some(131_072..131_840));
    }

    fn record(index: u64) -> Vec<u8> {
        format!("record {index}").into_bytes()
    }

    fn built(size: u64) -> (BTreeMap<String, Vec<u8>>, Vec<Digest>) {
        let (mut builder, mut files, mut leaves) =
            (TileBuilder::default(), BTreeMap::new(), vec![]);
        for index in 0..size {
            let leaf = leaf_hash(&record(index));
            leaves.push(leaf);
            for (tile, bytes) in builder.append(&record(index), leaf).unwrap() {
                files.insert(tile.to_string(), bytes);
            }
        }
        for (tile, bytes) in builder.finish() {
            files.insert(tile.to_string(), bytes);
        }
        (files, leaves)
    }

    #[test]
    fn a_log_of_any_size_has_its_tiles_and_they_are_its_hashes_and_records() {
        for (size, names) in [
            (0, vec![]),
            (1, vec!["tile/0/000.p/1", "tile/entries/000.p/1"]),
            (
                256,
                vec!["tile/0/000", "tile/1/000.p/1", "tile/entries/000"],
            ),
            (
                300,
                vec![
                    "tile/0/000",
                    "tile/0/001.p/44",
                    "tile/1/000.p/1",
                    "tile/entries/000",
                    "tile/entries/001.p/44",
                ],
            ),
        ] {
            let (files, leaves) = built(size);
            assert_eq!(files.keys().collect::<Vec<_>>(), names, "{size}");
            assert_files(&files, &leaves);
        }
        let (files, leaves) = built(65_536 + 257);
        assert_eq!(files.len(), 2 * 258 + 2 + 1);
        assert!(files.contains_key("tile/2/000.p/1"));
        assert!(files.contains_key("tile/1/000"));
        assert!(files.contains_key("tile/1/001.p/1"));
        assert_files(&files, &leaves);
    }

    fn assert_files(files: &BTreeMap<String, Vec<u8>>, leaves: &[Digest]) {
        for (path, bytes) in files {
            let tile = Tile::parse(path).unwrap();
            let range = tile.leaves().unwrap();
            let range = usize::try_from(range.start).unwrap()..usize::try_from(range.end).unwrap();
            if tile.content == TileContent::Entries {
                let found: Vec<Digest> =
                    entries(bytes).unwrap().into_iter().map(leaf_hash).collect();
                assert_eq!(found, leaves[range], "{path}");
            } else {
                assert_eq!(bytes.len(), usize::from(tile.width) * 32, "{path}");
                assert_eq!(*bytes, tile.hashes(&leaves[range]), "{path}");
            }
        }
    }

    #[test]
    fn a_proof_from_a_tile_and_the_roots_of_all_tiles_is_that_of_the_whole_tree() {
        for size in [1, 2, 255, 256, 257, 511, 512, 513, 700, 1_024, 1_281] {
            let leaves: Vec<Digest> = (0..size).map(|index| leaf_hash(&record(index))).collect();
            let tiles: Vec<&[Digest]> = leaves.chunks(256).collect();
            let roots: Vec<Digest> = tiles
                .iter()
                .map(|tile| root(tile.iter().copied()))
                .collect();
            for index in (0..size).step_by(7).chain([size - 1]) {
                let tile = tiles[usize::try_from(index / 256).unwrap()];
                let proof = inclusion_proof_of_tile(tile, &roots, index);
                assert_eq!(proof, inclusion_proof(&leaves, index), "{index} of {size}");
            }
            assert!(inclusion_proof_of_tile(tiles[0], &roots, size + 255).is_err());
        }
    }

    #[test]
    fn a_bundle_takes_records_of_two_bytes_length_and_is_read_whole() {
        let mut bundle = Vec::new();
        let longest = vec![b'x'; 0xffff];
        append_entry(&mut bundle, &longest).unwrap();
        append_entry(&mut bundle, b"").unwrap();
        assert_eq!(entries(&bundle).unwrap(), [&longest[..], b""]);
        let long = vec![b'x'; 0x1_0000];
        let refused = Err(BundleError::TooLong(0x1_0000));
        assert_eq!(append_entry(&mut bundle, &long), refused);
        for end in [1, 3, bundle.len() - 1] {
            assert_eq!(entries(&bundle[..end]), Err(BundleError::Cut));
        }
        assert_eq!(TILE_WIDTH, 256);
    }
}
