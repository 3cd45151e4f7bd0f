import FlowFiles

/// The rows of files that a fit trains on, read a block at a time, and those that it holds out, in memory.
struct FileBlocks: RowBlocks {
  private let table: FileTable
  private let layout: BlockLayout
  /// The rows of all blocks that have a weight.
  private let weighted: Int
  /// How many of them are held out.
  private let held: Int
  /// How many rows of the blocks before each have a weight.
  private let before: [Int]
  private let seed: UInt64
  private var scale = 1.0
  /// The rows that are held out.
  private(set) var heldOut = RowSelection.none
  /// Fingerprints of the tables.
  private(set) var digests: DataDigests

  /// Reads the files once: to split them, and to know them again when a run is resumed.
  ///
  /// - Parameters:
  ///   - table: the files.
  ///   - share: the share of rows to hold out.
  ///   - seed: decides which.
  ///   - memory: how many bytes rows may take in memory.
  /// - Throws: `FileError` if a file changed, or can't be read; `FlowError` for too few rows.
  init(
    _ table: FileTable, features: Int, heldOut share: Double, seed: UInt64, layout: BlockLayout
  ) throws {
    (self.table, self.layout, self.seed) = (table, layout, seed)
    guard table.count >= 2 else {
      throw FlowError.invalid(
        place: "data", found: "\(table.count * features) numbers",
        expected: "at least 2 rows of \(features) features")
    }
    var before = [0]
    var total = 0
    for number in 0..<layout.blockCount {
      let range = layout.rows(number)
      total += try table.weights(range)?.count { $0 > 0 } ?? range.count
      before.append(total)
    }
    guard total > 0 else {
      throw FlowError.invalid(
        place: "weights", found: "only zeros", expected: "a weight above 0 for some row")
    }
    (self.before, weighted) = (before, total)
    held = max(
      min(Int((Double(total) * share).rounded()), total - 1, layout.mostInMemory), 0)
    digests = DataDigests(isWeighted: table.isWeighted, layout: layout)
    var weight = 0.0
    for number in 0..<layout.blockCount {
      let rows = try table.read(layout.rows(number))
      digests.add(rows)
      let (training, part) = split(number, rows)
      weight += training.weights?.reduce(0, +) ?? 0
      heldOut.append(part)
    }
    if table.isWeighted { scale = RowSelection.scale(mean: weight / Double(total - held)) }
  }

  var count: Int { weighted - held }
  var blockCount: Int { layout.blockCount }
  var poolRows: Int { layout.poolRows }
  var mostInMemory: Int { layout.mostInMemory }

  func block(_ number: Int) throws(FileError) -> RowSelection {
    split(number, try table.read(layout.rows(number))).training
  }

  /// The rows of a block that are trained on, and those that are held out.
  private func split(
    _ number: Int, _ rows: WeightedRows
  ) -> (training: RowSelection, heldOut: RowSelection) {
    let range = layout.rows(number)
    let share = Shares(total: weighted, taken: held).taken(before[number], before[number + 1])
    return RowSelection.split(
      rows, count: range.count, held: share, seed: seed ^ RowBlock.mixed(number),
      numbers: Array(range), scale: scale)
  }
}

/// How the rows of files are cut into blocks.
struct BlockLayout: Hashable {
  /// How many rows there are.
  let count: Int
  /// How many rows are in a block; the last may have fewer.
  let blockRows: Int
  /// How many rows are shuffled together.
  let poolRows: Int
  /// The most rows that are kept in memory for being judged.
  let mostInMemory: Int

  /// How many blocks there are.
  var blockCount: Int { (count + blockRows - 1) / blockRows }

  /// The rows of a block.
  func rows(_ number: Int) -> Range<Int> {
    number * blockRows..<min((number + 1) * blockRows, count)
  }
}

extension BlockLayout {
  /// The most bytes of a pool: more would hardly shuffle better.
  private static let mostBytes = 256 << 20
  /// How many blocks a pool is of.
  private static let poolBlocks = 256
  /// The most rows that epochs are judged on, of which the mean has a standard error of a thousandth.
  private static let mostJudged = 1_000_000

  /// Cuts rows of some numbers so that they take a part of the memory that is given. Above 1 GB it does not
  /// depend on the memory.
  init(count: Int, width: Int, memory: Int) {
    // A row's numbers, and its places in the order and in the file.
    let bytes = 4 * width + 24
    let pool = max(min(memory / 4, Self.mostBytes) / bytes, 1)
    let block = max(pool / Self.poolBlocks, 1)
    self.init(
      count: count, blockRows: block, poolRows: pool,
      mostInMemory: min(max(pool / 4, 1), Self.mostJudged))
  }

  /// The layout in words, for the state of a run.
  var text: String { "files in pools of \(poolRows) rows" }
}

/// Seeds of blocks.
enum RowBlock {
  /// Bits that differ from block to block; 0 for the first.
  static func mixed(_ number: Int) -> UInt64 {
    guard number > 0 else { return 0 }
    var generator = SeededGenerator(seed: UInt64(number))
    return generator.next()
  }
}
