import FlowFiles
import Foundation
import Testing

@testable import FlowPasses
@testable import Flows

@Suite("compile with a closure") struct CompiledClosureTests {
  @Test("a closure of one table gives a number for each row, or one in all")
  func one() throws {
    let norm = try compile(.rows("x", 3)) { x in square(x).sum(axis: 0) }
    #expect(try norm([[1, 2, 3], [4, 5, 6]]) == [14, 77])
    #expect(try norm(Rows([] as [Float], columns: 3)) == [])
    let mean = try compile(.rows("x")) { x in x.mean() }
    #expect(try mean([[1], [2], [6]]) == [3])
  }

  @Test("a closure of two inputs takes them in order; several tensors come back as a tuple")
  func two() throws {
    let both = try compile(.rows("x", 2), .uniform("center", 2)) { x, center in
      let difference = x - center
      return (difference, difference.sum(axis: 0), center)
    }
    let (difference, sum, center) = try both([[1, 2], [5, 7]], [1, 1])
    #expect(difference == [0, 1, 4, 6])
    #expect(sum == [1, 10])
    #expect(center == [1, 1])
  }

  @Test("a closure of three inputs computes in Double if asked, and draws by the seed alone")
  func three() throws {
    let noisy = try compile(.rows("x", 2), .uniform("scale"), .seed(), as: Double.self) {
      x, scale, seed in
      x + scale.broadcast(to: [2]) * x.trace.random(.normal, shape: [2], seed: seed)
    }
    let x: Rows<Double> = [[1, 2], [3, 4], [5, 6]]
    #expect(try noisy(x, [0], 7) == [1, 2, 3, 4, 5, 6])
    let drawn = try noisy(x, [0.5], 7, threads: 1)
    #expect(try drawn == noisy(x, [0.5], 7, threads: 2))
    #expect(try drawn != noisy(x, [0.5], 7 + 1 << 40))
    // A third is not a float32.
    let third = try compile(.rows("x"), as: Double.self) { x in x / 3 }
    #expect(try third([[1]]) == [1.0 / 3])
  }

  @Test("a closure without any input of rows is told how many there are")
  func rows() throws {
    let draw = try compile(.seed()) { seed in seed.trace.random(.uniform, shape: [2], seed: seed) }
    #expect(try draw(1, rows: 5).count == 10)
    #expect(throws: RuntimeError.self) { try draw(1) }
    #expect(throws: RuntimeError.self) { try draw(1, rows: -1) }
    #expect(throws: RuntimeError.self) { try draw(1, rows: .max) }
    let constant = try compile(.uniform("w", 2)) { w in w + 1 }
    #expect(try constant([1, 2]) == [2, 3])
  }

  @Test("a wrong number of columns, rows or elements is a typed error that names the input")
  func wrongSizes() throws {
    let both = try compile(.rows("x", 2), .rows("c", 1), .uniform("w", 2)) { x, c, w in
      (x * w).sum(axis: 0) + c.sum(axis: 0)
    }
    let (x, c): (Rows<Float>, Rows<Float>) = ([[1, 2], [3, 4]], [[5], [6]])
    #expect(try both(x, c, [1, 10]) == [26, 49])
    #expect(throws: RuntimeError.shape(argument: "x", found: [2, 1], expected: [2, 2])) {
      try both(c, c, [1, 10])
    }
    #expect(throws: RuntimeError.shape(argument: "c", found: [1, 1], expected: [2, 1])) {
      try both(x, [[5]], [1, 10])
    }
    #expect(throws: RuntimeError.shape(argument: "w", found: [3], expected: [2])) {
      try both(x, c, [1, 10, 100])
    }
    #expect(throws: RuntimeError.shape(argument: "x", found: [2, 2], expected: [3, 2])) {
      try both(x, c, [1, 10], rows: 3)
    }
    #expect(throws: RuntimeError.self) { try both(x, c, [1, 10], threads: 0) }
  }

  @Test("names and sizes of inputs are checked when a closure is compiled")
  func wrongNames() throws {
    let linear = Parameterized { Linear(2, 1, in: $0) }
    #expect(throws: FlowError.self) { try compile(.rows("x", 2), .rows("x", 2)) { $0 + $1 } }
    #expect(throws: FlowError.self) { try compile(.rows("", 2)) { $0 } }
    #expect(throws: FlowError.self) { try compile(.rows("x", 0)) { $0 } }
    #expect(throws: FlowError.self) { try compile(.rows("x", -1)) { $0 } }
    #expect(throws: FlowError.self) { try compile(.rows("x", .max, 2)) { $0 } }
    #expect(throws: FlowError.self) { try linear.compile(.rows("weight", 2)) { linear.base($0) } }
    #expect(throws: FlowError.self) { try compile(.seed()) { $0 } }
    #expect(throws: RuntimeError.missingArgument("weight")) {
      try compile(.rows("x", 2)) { linear.base($0) }
    }
  }

  @Test("what a closure throws is thrown by compile")
  func throwing() {
    struct Own: Error {}
    #expect(throws: Own.self) {
      try compile(.rows("x", 2)) { x in
        if x.shape == [2] { throw Own() }
        return x
      }
    }
  }

  @Test("parameters have the values of when a closure was compiled, or those of with(parameters:)")
  func parameters() throws {
    var linear = Parameterized { Linear(2, 1, in: $0) }
    linear.values["weight"] = HostArray([1, 10] as [Float], shape: [1, 2])
    linear.values["bias"] = HostArray([100] as [Float], shape: [1])
    let compiled = try linear.compile(.rows("x", 2)) { [base = linear.base] in base($0) }
    linear.values["bias"] = HostArray([200] as [Float], shape: [1])
    #expect(try compiled([[2, 3]]) == [132])
    #expect(try compiled.with(parameters: linear.values)([[2, 3]]) == [232])
    #expect(throws: RuntimeError.missingArgument("weight")) { try compiled.with(parameters: [:]) }
  }

  @Test("many tasks may call a closure at once")
  func concurrent() async throws {
    let norm = try compile(.rows("x", 3)) { x in square(x).sum(axis: 0) }
    let results = try await withThrowingTaskGroup(of: [Float].self) { group in
      for task in 0..<8 {
        group.addTask { try norm(Rows((0..<300).map { Float($0 + task) }, columns: 3)) }
      }
      return try await group.reduce(into: [[Float]]()) { $0.append($1) }
    }
    let firsts: [Float] = [5, 14, 29, 50, 77, 110, 149, 194]
    #expect(Set(results.map { $0[0] }) == Set(firsts))
  }
}

@Suite("gradient(of:)") struct ClosureGradientTests {
  @Test("each row has the gradient of its own number; what rows share has the sum")
  func perRow() throws {
    let product = try compile(.rows("x", 2), .uniform("w", 2), .seed()) { x, w, _ in
      (x * w).sum(axis: 0)
    }
    let slope = try gradient(of: product)
    let result = try slope([[1, 2], [3, 4]], [5, 6], 1)
    #expect(result.value == [17, 39])
    let (x, w, _): (Rows<Float>, [Float], Void) = result.gradient
    #expect(x == [[5, 6], [5, 6]])
    #expect(w == [4, 6])
  }

  @Test("the gradient of a mean, in Double, is that of the whole")
  func mean() throws {
    let mean = try compile(.rows("x"), as: Double.self) { x in (x * x * x).mean() }
    let (value, slope) = try gradient(of: mean)([[1], [2]])
    #expect(value == [4.5])
    #expect(slope == [[1.5], [6]])
  }

  @Test("an input that a closure does not use has a gradient of 0")
  func unused() throws {
    let first = try compile(.rows("x", 1), .rows("c", 2)) { x, _ in x.sum(axis: 0) }
    let (_, (_, slope)) = try gradient(of: first)([[1], [2]], [[3, 4], [5, 6]])
    #expect(slope == [[0, 0], [0, 0]])
  }

  @Test("the gradient of a flow's density is that of logProbAndGradient")
  func flow() throws {
    let flow = try MAF(features: 3, context: 2, hiddenFeatures: [8], seed: 3)
    let score = try flow.compile(.rows("x", 3), .rows("c", 2), as: Double.self) { x, c in
      flow(c).logProb(x)
    }
    let x = Rows((0..<30).map { sin(Double($0)) }, columns: 3)
    let c = Rows((0..<20).map { cos(Double($0)) }, columns: 2)
    let (value, (dx, dc)) = try gradient(of: score)(x, c)
    let known = try flow.compiled(Double.self).logProbAndGradient(x, context: c)
    // Both are the same derivative rules; sums may be taken in another order.
    for (a, b) in zip(
      value + dx.values + dc.values,
      known.logProb + known.x.values + (known.context?.values ?? []))
    {
      #expect(abs(a - b) <= 1e-12 * (1 + abs(b)))
    }
    #expect(dx.count == 10 && dc.count == 10)
  }

  @Test("only a number can be differentiated")
  func notScalar() throws {
    let vector = try compile(.rows("x", 2)) { x in 2 * x }
    #expect(throws: GradientError.self) { try gradient(of: vector) }
  }
}
