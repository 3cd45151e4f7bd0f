import Flows
import Foundation
import Testing

// Nothing but `Flows` is imported: it is all that a user needs.

@Suite struct RowsTests {
  @Test("a table gives its rows and their numbers, whatever it is made of")
  func elements() throws {
    let literal: Rows<Double> = [[1, 2, 3], [4, 5, 6]]
    #expect(literal == Rows([1, 2, 3, 4, 5, 6], columns: 3))
    #expect(literal.count == 2 && literal.columns == 3)
    #expect(literal[1][2] == 6 && Array(literal[0]) == [1, 2, 3])
    #expect(literal.map { $0.reduce(0, +) } == [6, 15])
    #expect(Array(literal.reversed().first ?? literal[0]) == [4, 5, 6])
    [Double](arrayLiteral: 1, 2, 3, 4, 5, 6).withUnsafeBufferPointer { buffer in
      let borrowed = Rows(borrowing: buffer, columns: 3)
      #expect(borrowed == literal)
      borrowed.withUnsafeBufferPointer { #expect($0.baseAddress == buffer.baseAddress) }
    }
    #expect(Rows(literal[1]) == [[4, 5, 6]])
    #expect(Rows<Float>([]).isEmpty)
  }

  @Test("a table prints small, with its names, and says how large it is")
  func printing() {
    let table = Rows(
      [1, -0.25, 1e-9, .nan] as [Float], columns: 2, columnNames: ["u", "redshift"])
    #expect(
      "\(table)" == """
             u  redshift
        1.0000   -0.2500
         1e-09       nan
        2 x 2
        """)
    let long = Rows((0..<10).map(Double.init), columns: 1)
    #expect("\(long)".hasSuffix("5.0000\n…\n10 x 1"))
  }

  @Test("files keep numbers, and CSV its names", arguments: ["npy", "csv"])
  func files(ending: String) throws {
    let path =
      FileManager.default.temporaryDirectory.path + "/flowir-\(UUID().uuidString).\(ending)"
    defer { try? FileManager.default.removeItem(atPath: path) }
    let table: Rows<Float> = [[1, 2.5], [-3, 0.1]]
    try table.write(to: path)
    #expect(try Rows(contentsOf: path) == table)
    #expect(try Rows<Double>(contentsOf: path)[0][1] == 2.5)
    #expect(throws: FileError.self) { try Rows<Float>(contentsOf: path + ".txt") }
  }
}

@Suite struct CompiledFlowTests {
  private func rows(_ count: Int, _ columns: Int, _ seed: Double) -> Rows<Float> {
    Rows((0..<count * columns).map { Float(sin(Double($0) * seed)) }, columns: columns)
  }

  @Test("what is compiled here and what is loaded from its shared object agree bit by bit")
  func backends() throws {
    let flow = try NSF(features: 3, context: 2, transforms: 2, hiddenFeatures: [16], seed: 1)
    let here = try flow.compiled()
    let folder = FileManager.default.temporaryDirectory.path + "/flowir-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    try here.write(to: folder + "/libmodel.so")
    #expect(FileManager.default.fileExists(atPath: folder + "/model.h"))
    let loaded = try CompiledFlow<Float>(contentsOf: folder + "/libmodel.so")
    #expect(loaded.features == 3 && loaded.context == 2)
    let (x, c) = (rows(100, 3, 0.7), rows(100, 2, 0.3))
    for context in [c, Rows(c[4])] {
      #expect(try here.logProb(x, context: context) == loaded.logProb(x, context: context))
      let (a, b) = try (here.transform(x, context: context), loaded.transform(x, context: context))
      #expect(a.rows == b.rows && a.ladj == b.ladj)
      let back = try here.inverse(a.rows, context: context)
      #expect(zip(back.rows.values, x.values).allSatisfy { abs($0 - $1) < 1e-4 })
      #expect(try loaded.inverse(a.rows, context: context).rows == back.rows)
      let (g, h) = try (
        here.logProbAndGradient(x, context: context),
        loaded.logProbAndGradient(x, context: context)
      )
      #expect(g.logProb == h.logProb && g.x == h.x && g.context == h.context)
      #expect(g.context?.count == 100)
      let (d, e) = try (
        here.sample(100, context: context, seed: 1 << 40 + 3),
        loaded.sample(100, context: context, seed: 1 << 40 + 3)
      )
      #expect(d.x == e.x && d.logProb == e.logProb)
    }
    #expect(throws: RuntimeError.self) {
      try CompiledFlow<Double>(contentsOf: folder + "/libmodel.so")
    }
    #expect(throws: RuntimeError.self) { try loaded.write(to: folder + "/again.so") }
  }

  @Test("parts of a sample are those of the whole, into arrays of the caller's")
  func parts() throws {
    let compiled = try MAF(features: 2, transforms: 2, hiddenFeatures: [8], seed: 2).compiled()
    let whole = try compiled.sample(10, seed: 5)
    var x = [Float](repeating: 0, count: 8)
    var logProb = [Float](repeating: 0, count: 4)
    try compiled.sample(seed: 5, firstRow: 6, into: &x, logProb: &logProb)
    #expect(x == Array(whole.x.values[12...]) && logProb == Array(whole.logProb[6...]))
    let scores = try compiled.logProb(whole.x)
    #expect(zip(scores, whole.logProb).allSatisfy { abs($0 - $1) < 1e-4 })
    #expect(try compiled.sample(0, seed: 1).x.isEmpty)
    #expect(try compiled.logProb(Rows([], columns: 2)).isEmpty)
  }

  @Test("tables that do not fit are errors that name the argument")
  func errors() throws {
    let compiled = try MAF(features: 2, context: 3, hiddenFeatures: [8]).compiled()
    let (x, c) = (rows(4, 2, 0.1), rows(4, 3, 0.1))
    #expect(throws: RuntimeError.shape(argument: "x", found: [4, 3], expected: [4, 2])) {
      try compiled.logProb(c, context: c)
    }
    #expect(throws: RuntimeError.missingArgument("context")) { try compiled.logProb(x) }
    #expect(throws: RuntimeError.shape(argument: "context", found: [3, 3], expected: [4, 3])) {
      try compiled.logProb(x, context: rows(3, 3, 0.1))
    }
    var short = [Float](repeating: 0, count: 3)
    #expect(throws: RuntimeError.shape(argument: "log_prob", found: [3], expected: [4])) {
      try compiled.logProb(x, context: c, into: &short)
    }
    #expect(throws: RuntimeError.self) { try compiled.logProb(x, context: c, threads: 0) }
    #expect(throws: RuntimeError.self) { try compiled.sample(.max, context: c[0], seed: 1) }
    #expect(throws: RuntimeError.self) { try compiled.sample(-1, context: c[0], seed: 1) }
  }

  @Test("many tasks at once, first calls too, get the bits of one")
  func tasks() async throws {
    let flow = try NSF(features: 2, transforms: 1, hiddenFeatures: [8], seed: 3)
    let x = rows(50, 2, 0.9)
    let expected = try flow.compiled().logProb(x, threads: 1)
    let compiled = try flow.compiled()
    try await withThrowingTaskGroup(of: [Float].self) { group in
      for _ in 0..<16 { group.addTask { try compiled.logProb(x) } }
      for try await found in group { #expect(found == expected) }
    }
  }
}

@Suite struct FitRowsTests {
  private var x: Rows<Float> {
    Rows((0..<400).map { Float(sin(Double($0 * $0))) }, columns: 2)
  }

  @Test("fitting rows is what fitting their numbers is, and its report may be ignored")
  func same() async throws {
    var options = TrainingOptions()
    options.epochs = 2
    options.batchSize = 50
    var (a, b) = try (
      MAF(features: 2, hiddenFeatures: [8], seed: 1), MAF(features: 2, hiddenFeatures: [8], seed: 1)
    )
    try await a.fit(x, options: options)
    try b.model.fit(x.values, options: options)
    #expect(a.model.values == b.model.values)
    await #expect(throws: FlowError.self) { try await a.fit([[1, 2, 3]]) }
    await #expect(throws: FlowError.self) { try await a.fit(x, context: x) }
  }

  @Test("a cancelled fit ends between batches and keeps the best parameters so far")
  func cancelled() async throws {
    let x = x
    let task = Task {
      var flow = try MAF(features: 2, hiddenFeatures: [8], seed: 1)
      let start = flow.model.values
      var options = TrainingOptions()
      options.epochs = .max
      options.batchSize = 50
      do {
        try await flow.fit(x, options: options) { progress in
          if progress.epoch == 4 { withUnsafeCurrentTask { $0?.cancel() } }
        }
        return false
      } catch is CancellationError {
        return flow.model.values != start
      }
    }
    #expect(try await task.value)
  }
}
