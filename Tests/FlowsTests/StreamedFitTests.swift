import FlowFiles
import Foundation
import Testing

@testable import Flows

/// Fits to rows of files that are read while training goes on.
@Suite struct StreamedFitTests {
  /// Files in a folder of their own, which `remove` deletes.
  private struct Files {
    let folder: String

    init() throws {
      folder = FileManager.default.temporaryDirectory.path + "/flowir-\(UUID().uuidString)"
      try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    }

    func write<Scalar: FlowScalar>(_ name: String, _ rows: Rows<Scalar>) throws -> RowFile {
      let path = "\(folder)/\(name).npy"
      try rows.write(to: path)
      return try RowFile(path)
    }

    func remove() { try? FileManager.default.removeItem(atPath: folder) }
  }

  private static func normal(_ count: Int, seed: UInt64 = 0) -> [Double] {
    var generator = SeededGenerator(seed: seed)
    return (0..<count).map { _ in generator.normal() }
  }

  private static func options(epochs: Int = 3) -> TrainingOptions {
    var options = TrainingOptions()
    options.epochs = epochs
    options.batchSize = 16
    options.learningRate = 1e-2
    options.validation = 0.2
    options.seed = 5
    options.threads = 2
    return options
  }

  /// Fits a model to the rows of files in a layout.
  private static func fit(
    _ model: inout Model, _ x: RowFile, context: RowFile? = nil, weights: RowFile? = nil,
    layout: BlockLayout, options: TrainingOptions, judged: WeightedRows? = nil,
    resume: TrainingCheckpoint? = nil,
    checkpoint: (TrainingCheckpoint) throws -> Void = { _ in }
  ) throws -> TrainingReport {
    let table = try FileTable(
      x: x, context: context, weights: weights, units: model.rowUnits,
      contextUnits: model.contextUnits)
    var centred = model.centred()
    defer { model.update(from: centred) }
    return try centred.fit(
      .files(table, layout), validation: judged, options: options, resume: resume,
      checkpoint: checkpoint, progress: { _ in })
  }

  private static func layout(_ count: Int, block: Int, pool: Int, most: Int = 50) -> BlockLayout {
    BlockLayout(count: count, blockRows: block, poolRows: pool, mostInMemory: most)
  }

  @Test("a file in one block gives the bits of rows in memory: weights, contexts, dates, noise")
  func oneBlock() async throws {
    let files = try Files()
    defer { files.remove() }
    let numbers = Self.normal(400)
    // Counts, and dates whose digits float32 does not hold.
    let x = Rows<Double>(
      numbers.enumerated().map { $0 % 2 == 0 ? ($1 * 3).rounded() : 2_460_000 + $1 }, columns: 2)
    let context = Rows<Float>(Self.normal(200, seed: 1).map { Float($0) }, columns: 1)
    let weights = (0..<200).map { Float($0 % 3) }
    var flow = try NSF(features: 2, context: 1, transforms: 1, hiddenFeatures: [8], seed: 1)
    try flow.standardize(x)
    try flow.standardize(
      x, context: Rows<Double>(context.values.map { Double($0) }, columns: 1), weights: weights)
    try flow.model.setDiscrete([DiscreteColumn(feature: 0)])
    var (memory, streamed) = (flow.model, flow.model)
    var centred = memory.centred()
    let a = try centred.fit(
      memory.units?.centred(x.values) ?? [],
      context: memory.contextUnits?.centred(context.values) ?? [], weights: weights,
      options: Self.options())
    memory.update(from: centred)
    let b = try Self.fit(
      &streamed, files.write("x", x), context: files.write("c", context),
      weights: files.write("w", Rows(weights, columns: 1)),
      layout: Self.layout(200, block: 200, pool: 200), options: Self.options())
    #expect(memory.values == streamed.values && memory.values != flow.model.values)
    #expect(a.trainLogLikelihood == b.trainLogLikelihood)
    #expect(a.validationLogLikelihood == b.validationLogLikelihood)
    #expect(a.trainRows == b.trainRows && a.validationRows == b.validationRows)
    // What fits in memory is read into it.
    var whole = flow
    let c = try await whole.fit(
      files.write("x", x), context: files.write("c", context),
      weights: files.write("w", Rows(weights, columns: 1)), options: Self.options())
    #expect(whole.model.values == memory.values && c.trainLogLikelihood == a.trainLogLikelihood)
  }

  @Test(
    "an epoch has each training row once, in whole batches, and no row that is held out",
    arguments: [(7, 40, 16), (1, 10, 16), (64, 10, 7), (100, 300, 1000)])
  func epochs(block: Int, pool: Int, batch: Int) throws {
    let files = try Files()
    defer { files.remove() }
    let count = 503
    let x = try files.write("x", Rows((0..<count).map { Float($0) }, columns: 1))
    let weights = try files.write(
      "w", Rows((0..<count).map { Float($0 % 5 == 0 ? 0 : $0) }, columns: 1))
    let blocks = try FileBlocks(
      FileTable(x: x, context: nil, weights: weights, units: nil, contextUnits: nil), features: 1,
      heldOut: 0.1, seed: 3, layout: Self.layout(count, block: block, pool: pool))
    let training = TrainingRows(blocks)
    let held = blocks.heldOut.rows.map(blocks.heldOut.number)
    let weighted = (0..<count).filter { $0 % 5 > 0 }
    #expect(held.count == 40 && training.count == weighted.count - 40)
    #expect(blocks.heldOut.table.x == held.map { Float($0) })
    var orders: [[Int]] = []
    for seed: UInt64 in [1, 2, 1] {
      var pools = training.pools(batch: batch, seed: seed)
      var (order, sizes): ([Int], [Int]) = ([], [])
      while let (rows, places) = try pools.next() {
        order += places.map(rows.number)
        sizes.append(places.count)
        #expect(places.allSatisfy { rows.table.x[$0] == Float(rows.number($0)) })
        #expect(places.allSatisfy { rows.table.weights?[$0] == Float(rows.number($0)) })
      }
      #expect(sizes.dropLast().allSatisfy { $0 % batch == 0 })
      #expect(sizes.max() ?? 0 <= max(pool, batch) + batch + block)
      #expect((order + held).sorted() == weighted)
      orders.append(order)
    }
    #expect(orders[0] == orders[2] && orders[0] != orders[1])
    // Neighbours of the file are not neighbours of the epoch.
    let near = zip(orders[0], orders[0].dropFirst()).count { abs($0 - $1) <= 2 }
    #expect(near < 60)
  }

  @Test("a streamed fit depends on the seed alone, goes on from a checkpoint, and learns")
  func resumes() throws {
    let files = try Files()
    defer { files.remove() }
    // Sorted rows, which blocks alone would leave in runs.
    let x = Self.normal(600).sorted().enumerated().flatMap { row, number in
      [Float(number), Float(number * 0.5 + 0.1 * Self.normal(1, seed: UInt64(row))[0])]
    }
    let file = try files.write("x", Rows(x, columns: 2))
    let layout = Self.layout(600, block: 5, pool: 100)
    var start = try MAF(features: 2, transforms: 1, hiddenFeatures: [8], seed: 1)
    try start.standardize(Rows(x, columns: 2))
    var (options, states): (TrainingOptions, [TrainingCheckpoint]) = (Self.options(epochs: 6), [])
    var one = start.model
    let report = try Self.fit(
      &one, file, layout: layout, options: options, checkpoint: { states.append($0) })
    #expect(report.validationRows == 50 && report.trainRows == 550 && report.bestEpoch > 0)
    options.threads = 1
    var two = start.model
    _ = try Self.fit(
      &two, file, layout: layout, options: options, resume: states[2])
    #expect(one.values == two.values)
    var memory = start.model
    let whole = try memory.fit(x, options: options)
    #expect(abs(whole.trainLogLikelihood - report.trainLogLikelihood) < 0.1)
    // Its likelihood is that of the rows, whatever blocks they came in.
    let scores = try one.compiled(Float.self).logProb(Rows(x, columns: 2))
    let mean = scores.reduce(0) { $0 + Double($1) } / 600
    let held = try #require(report.validationLogLikelihood)
    #expect(abs((550 * report.trainLogLikelihood + 50 * held) / 600 - mean) < 1e-5)
    // Another layout is another run.
    #expect(throws: TrainingMismatch.self) {
      var other = start.model
      _ = try Self.fit(
        &other, file, layout: Self.layout(600, block: 5, pool: 200), options: options,
        resume: states[2])
    }
    // Without held-out rows some training rows are judged.
    options.validation = 0
    var three = start.model
    let all = try Self.fit(&three, file, layout: layout, options: options)
    #expect(all.trainRows == 600 && all.validationRows == 0 && all.bestEpoch > 0)
    let judged = WeightedRows(x: x.map { $0 + 0.1 })
    let given = try Self.fit(&three, file, layout: layout, options: options, judged: judged)
    #expect(given.trainRows == 600 && given.validationRows == 600)
  }

  @Test("a file that is cut, written or replaced while it is used is an error that names it")
  func changes() async throws {
    let files = try Files()
    defer { files.remove() }
    let rows = Rows(Self.normal(600).map { Float($0) }, columns: 2)
    let model = try MAF(features: 2, transforms: 1, hiddenFeatures: [8], seed: 1).model
    func refuses(_ change: (String) throws -> Void) throws {
      let file = try files.write("x", rows)
      var changed = model
      let error = #expect(throws: FileError.self) {
        _ = try Self.fit(
          &changed, file, layout: Self.layout(300, block: 5, pool: 50), options: Self.options(),
          checkpoint: { if $0.epoch == 1 { try change(file.path) } })
      }
      #expect("\(try #require(error))".contains("x.npy: can't go on reading: the file changed"))
      #expect(changed.values == model.values)
    }
    func writing(_ path: String, _ body: (FileHandle) throws -> Void) throws {
      let handle = try #require(FileHandle(forWritingAtPath: path))
      try body(handle)
      try handle.close()
    }
    try refuses { try writing($0) { try $0.truncate(atOffset: 1000) } }
    try refuses {
      try writing($0) {
        try $0.seek(toOffset: 1000)
        try $0.write(contentsOf: [1, 2, 3, 4])
      }
    }
    // Another file in its place.
    let file = try files.write("x", rows)
    try rows.write(to: file.path)
    var flow = try MAF(features: 2, seed: 1)
    await #expect(throws: FileError.self) { try await flow.fit(file) }
    #expect(throws: FileError.self) { try flow.standardize(file) }
    try Data("a,b\n1,2\n".utf8).write(to: URL(fileURLWithPath: files.folder + "/t.csv"))
    #expect(throws: FileError.self) { try RowFile(files.folder + "/t.csv") }
  }

  @Test(
    "units of a file are those of its rows, in one pass", arguments: Standardization.allCases)
  func units(method: Standardization) throws {
    let files = try Files()
    defer { files.remove() }
    let numbers = Self.normal(3_000_000 / 5)
    let x = Rows(numbers.map { 1e6 + $0 }, columns: 2)
    var (a, b) = (try MAF(features: 2, seed: 1), try MAF(features: 2, seed: 1))
    try a.standardize(x, by: method)
    try b.standardize(files.write("x", x), by: method)
    let (found, expected) = (try #require(b.model.units), try #require(a.model.units))
    // Means and deviations differ by rounding; quartiles of 100,000 of 300,000 rows have standard errors of 0.3 %.
    let tolerance = method == .deviation ? 1e-6 : 0.015
    for column in 0..<2 {
      #expect(abs(found.scale[column] - expected.scale[column]) < tolerance)
      #expect(abs(found.centre[column] - expected.centre[column]) < tolerance + 0.01)
    }
    #expect(throws: FlowError.self) {
      var narrow = try MAF(features: 3, seed: 1)
      try narrow.standardize(RowFile(files.folder + "/x.npy"))
    }
  }

  @Test("a sample has one row of each equal part of a table, however it is read")
  func samples() {
    for (rows, most) in [(1000, 10), (1003, 100), (17, 16), (5, 9)] {
      var whole = RowSample(rows: rows, most: most)
      let places = whole.places(in: 0..<rows)
      #expect(places.count == min(rows, most))
      if rows > most {
        #expect(places.map { ($0 * most + most - 1) / rows } == Array(0..<most))
      }
      var parts = RowSample(rows: rows, most: most)
      let joined = stride(from: 0, to: rows, by: 7).flatMap { start in
        parts.places(in: start..<min(start + 7, rows)).map { $0 + start }
      }
      #expect(joined == places)
    }
  }

  @Test("a layout takes a quarter of the memory, and above a gigabyte always the same")
  func layouts() {
    for (width, memory) in [(1, 1 << 20), (6, 1 << 26), (1000, 1 << 26), (6, 1 << 34)] {
      let layout = BlockLayout(count: 1_000_000_000, width: width, memory: memory)
      #expect(layout.poolRows * (4 * width + 24) <= memory / 4)
      #expect(layout.poolRows >= 100 * layout.blockRows || layout.blockRows == 1)
      #expect(layout.mostInMemory <= 1_000_000 && layout.mostInMemory <= layout.poolRows)
    }
    #expect(
      BlockLayout(count: 10, width: 6, memory: 1 << 30)
        == BlockLayout(count: 10, width: 6, memory: 1 << 40))
    #expect(
      Shares(total: 1 << 40, taken: 1 << 38).taken(1 << 39, 1 << 40) == 1 << 37)
  }
}
