import FlowFiles
import FlowRuntime

/// The rows that a fit trains on, in blocks of neighbours: one block if they are in memory, many if they are read
/// from files.
///
/// An epoch takes the blocks in a random order, some at a time as a pool, and the rows of a pool in a random
/// order. With one block that is a uniform shuffle of all rows.
struct TrainingRows {
  /// How many rows there are.
  let count: Int
  /// How many blocks hold them.
  let blockCount: Int
  private let source: any RowBlocks

  /// Rows in memory.
  init(_ selection: RowSelection) { self.init(OneBlock(selection: selection)) }

  /// Rows that come in blocks.
  init(_ source: any RowBlocks) {
    (count, blockCount, self.source) = (source.count, source.blockCount, source)
  }

  /// The rows of a block that are trained on.
  ///
  /// - Throws: `FileError` if a file changed, or can't be read.
  func block(_ number: Int) throws(FileError) -> RowSelection { try source.block(number) }

  /// Some of the rows in memory, or all if they are no more.
  ///
  /// - Throws: `FileError`, as `block`.
  func sample(_ count: Int, seed: UInt64) throws(FileError) -> RowSelection {
    if blockCount == 1 { return try block(0).sample(count, seed: seed) }
    let wanted = min(count, source.mostInMemory, self.count)
    var found = RowSelection.none
    var before = 0
    for number in 0..<blockCount {
      let rows = try block(number)
      let share = Shares(total: self.count, taken: wanted).taken(before, before + rows.rows.count)
      before += rows.rows.count
      found.append(rows.sample(share, seed: seed ^ RowBlock.mixed(number)))
    }
    return found.rescaled
  }

  /// The most rows that are kept in memory for being judged.
  var mostInMemory: Int { source.mostInMemory }

  /// The rows of an epoch, a pool at a time.
  func pools(batch: Int, seed: UInt64) -> EpochPools {
    EpochPools(self, rows: max(source.poolRows, batch), batch: batch, seed: seed)
  }
}

/// Rows in blocks of neighbours.
protocol RowBlocks {
  /// How many rows there are.
  var count: Int { get }
  /// How many blocks hold them.
  var blockCount: Int { get }
  /// How many rows are shuffled together.
  var poolRows: Int { get }
  /// The most rows that are kept in memory for being judged.
  var mostInMemory: Int { get }
  /// The rows of a block.
  func block(_ number: Int) throws(FileError) -> RowSelection
}

/// Rows in memory.
private struct OneBlock: RowBlocks {
  let selection: RowSelection

  var count: Int { selection.rows.count }
  var blockCount: Int { 1 }
  var poolRows: Int { selection.rows.count }
  var mostInMemory: Int { .max }
  func block(_ number: Int) -> RowSelection { selection }
}

/// The rows of an epoch, each once: pools of some blocks in a random order, their rows in a random order.
struct EpochPools {
  private let training: TrainingRows
  private let poolRows: Int
  private let batch: Int
  private var generator: SeededGenerator
  /// The blocks that are yet to come.
  private var blocks: ArraySlice<Int>
  /// Rows that did not fill a batch.
  private var rest = RowSelection.none

  fileprivate init(_ training: TrainingRows, rows: Int, batch: Int, seed: UInt64) {
    (self.training, poolRows, self.batch) = (training, rows, batch)
    generator = SeededGenerator(seed: seed)
    var order = Array(0..<training.blockCount)
    order.shuffle(using: &generator)
    blocks = order[...]
  }

  /// The next pool, and the order of its rows: whole batches, except for the last of the epoch; nil at its end.
  ///
  /// - Throws: `FileError` if a file changed, or can't be read.
  mutating func next() throws(FileError) -> (rows: RowSelection, order: [Int])? {
    var pool = rest
    rest = .none
    while pool.rows.count < poolRows, let number = blocks.popFirst() {
      let block = try training.block(number)
      // All rows in memory are one block, of which there is no copy.
      if pool.rows.isEmpty { pool = block } else { pool.append(block) }
    }
    guard !pool.rows.isEmpty else { return nil }
    var order = pool.rows
    order.shuffle(using: &generator)
    if !blocks.isEmpty {
      let left = order.count % batch
      rest.append(pool.selecting(Array(order.suffix(left))))
      order.removeLast(left)
    }
    return order.isEmpty ? try next() : (pool, order)
  }
}

/// How a number of rows that are taken is spread over all, so that each part of the rows gives its share.
struct Shares {
  let total: Int
  let taken: Int

  /// How many are taken of the rows from one number to another.
  func taken(_ lower: Int, _ upper: Int) -> Int { before(upper) - before(lower) }

  /// How many are taken of the rows before one.
  func before(_ row: Int) -> Int {
    guard total > 0 else { return 0 }
    let product = row.multipliedFullWidth(by: taken)
    return total.dividingFullWidth(product).quotient
  }
}
