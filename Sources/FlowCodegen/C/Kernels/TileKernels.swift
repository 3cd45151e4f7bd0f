/// `fk_tile.h`, `fk_random.h` and the fills of `fk_driver.h`: between memory and tiles.
extension KernelCall {
  /// Rows of a row-major array to a tile.
  static func loadTile(source: String, n: Int, tile: String) -> KernelCall {
    KernelCall(
      "fk_load_tile",
      [
        "source": source, "n": n, "valid": CVariable.valid, "width": CVariable.width,
        "tile": tile,
      ])
  }

  /// Rows of a row-major array, each for a group of `size` rows, to the tile that starts at a row.
  static func loadGroups(
    source: String, n: Int, row: String, size: String, tile: String
  ) -> KernelCall {
    KernelCall(
      "fk_load_groups",
      [
        "source": source, "n": n, "row": row, "size": size, "valid": CVariable.valid,
        "width": CVariable.width, "tile": tile,
      ])
  }

  /// Rows of a tile to a row-major array.
  static func storeTile(tile: String, n: Int, target: String) -> KernelCall {
    KernelCall(
      "fk_store_tile", ["tile": tile, "n": n, "valid": CVariable.valid, "target": target])
  }

  /// One number in elements of a tile.
  static func fill(target: String, value: String, n: Int) -> KernelCall {
    KernelCall(
      "fk_fill", ["target": target, "value": value, "n": n, "width": CVariable.width])
  }

  /// Uniform numbers, each in an element of a tile.
  static func fillFrom(target: String, source: String, n: Int) -> KernelCall {
    KernelCall(
      "fk_fill_from", ["target": target, "source": source, "n": n, "width": CVariable.width])
  }

  /// Elements of a tile that are copied to those of another.
  static func copy(target: String, source: String, n: Int) -> KernelCall {
    KernelCall(
      "fk_copy", ["target": target, "source": source, "n": n, "width": CVariable.width])
  }

  /// Elements of a tile that are copied to elements of another, by two tables.
  static func copyElements(
    begin: String, end: String, target: String, to: String, source: String, at: String
  ) -> KernelCall {
    KernelCall(
      "fk_copy_elements",
      [
        "begin": begin, "end": end, "target": target, "to": to, "source": source, "at": at,
        "width": CVariable.width,
      ])
  }

  /// Zeros in the rows of a tile that hold no data.
  static func clearRows(tile: String, n: Int) -> KernelCall {
    KernelCall("fk_clear_rows", ["tile": tile, "n": n, "valid": CVariable.valid])
  }

  /// The sums over a tile's rows, added.
  static func addRowSums(tile: String, n: Int, sums: String) -> KernelCall {
    KernelCall(
      "fk_add_row_sums", ["tile": tile, "n": n, "valid": CVariable.valid, "sums": sums])
  }

  /// Random numbers for the elements of a tile.
  static func random(
    normal: Bool, key0: String, key1: String, firstRow: String, numbers: String, stream: Int,
    n: Int, tile: String
  ) -> KernelCall {
    KernelCall(
      "fk_random",
      [
        "normal": normal, "key0": key0, "key1": key1, "first_row": firstRow, "numbers": numbers,
        "valid": CVariable.valid, "stream": stream, "n": n, "width": CVariable.width, "tile": tile,
      ])
  }

  /// Random numbers for the elements of a uniform value.
  static func randomShared(
    normal: Bool, key0: String, key1: String, stream: Int, out: String
  ) -> KernelCall {
    KernelCall(
      "fk_random_shared",
      [
        "normal": normal, "key0": key0, "key1": key1, "stream": stream, "begin": CRange.begin,
        "end": CRange.end, "out": out,
      ])
  }
}
