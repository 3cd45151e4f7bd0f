import FlowCodegen
import FlowIR
import FlowRuntime
import Flows
import Foundation
import Testing

/// Compiled artifacts against the compiler in process, and against Zuko for other processors.
@Suite struct ArtifactTests {
  /// An artifact of a reference model, loaded.
  private func artifact(
    _ reference: Reference, cpu: TargetCPU = .native, dtype: DType = .f32,
    functions: [ArtifactFunction] = ArtifactFunction.allCases, prefix: String = "flowir"
  ) throws -> CompiledArtifact {
    let path = FileManager.default.temporaryDirectory.path + "/lib\(UUID().uuidString).so"
    // The loaded object lives on without its file.
    defer { try? FileManager.default.removeItem(atPath: path) }
    let source = try reference.model.artifactSource(
      functions: functions, prefix: prefix, dtype: dtype)
    try source.compile(to: path, named: "libmodel.so", cpu: cpu)
    return try CompiledArtifact(path: path)
  }

  @Test(
    "an artifact's bits are those of the compiler in process",
    arguments: [("nsf-default", DType.f32), ("maf-coupling", .f64)])
  func bits(name: String, dtype: DType) throws {
    let reference = try Reference(name)
    let model = reference.model
    let flow = try artifact(reference, dtype: dtype, prefix: "some_Model2")
    #expect(flow.features == model.features && flow.context == model.context)
    #expect(flow.dtype == dtype && flow.functions == ArtifactFunction.allCases)
    #expect(flow.description["flow"] == model.description?.json)
    #expect(flow.description["cpu"] == .string("native"))
    var inputs = reference.inputs
    inputs["z"] = HostArray(reference.values("z"), shape: [64, model.features])
    inputs["v"] = inputs["z"]
    inputs["seed"] = HostArray([7, -3] as [Int32], shape: [2])
    for kind in ArtifactFunction.allCases {
      for shares in model.context > 0 ? [false, true] : [false] {
        if shares {
          inputs["context"] = HostArray(
            Array(reference.values("context").prefix(model.context)), shape: [model.context])
        } else {
          inputs["context"] = reference.inputs["context"]
        }
        let function = try model.function(.compiled(kind), dtype: dtype, sharedContext: shares)
        let wanted = try compile(function, model)(inputs, rows: 64, firstRow: 5)
        for threads in [1, 2] {
          let found = try flow.function(kind)(inputs, rows: 64, firstRow: 5, threads: threads)
          #expect(found == wanted, "\(kind.rawValue), shared \(shares), \(threads) threads")
        }
        // A tile's vectors beyond the rows are left alone, which no row can tell. (One row with one
        // context counts as a shared context.)
        for rows in [2, 17, 47] {
          let part = inputs.mapValues { $0.shape[0] == 64 ? $0.first(rows) : $0 }
          let found = try flow.function(kind)(part, rows: rows, firstRow: 5, threads: 1)
          #expect(
            found == wanted.mapValues { $0.first(rows) },
            "\(kind.rawValue), shared \(shares), \(rows) rows")
        }
      }
    }
  }

  @Test("code for other x86 processors agrees with Zuko", arguments: [TargetCPU.x86Base, .x86V3])
  func processors(cpu: TargetCPU) throws {
    #if arch(x86_64)
      for (name, dtype) in [
        ("nsf-default", DType.f32), ("nsf-default", .f64), ("maf-default", .f32),
      ] {
        let reference = try Reference(name)
        let flow = try artifact(
          reference, cpu: cpu, dtype: dtype, functions: [.logProb, .transform])
        let inputs = reference.inputs
        let logProb = try flow.function(.logProb)(inputs, rows: 64)
        reference.expect(logProb["log_prob"], equals: "log_prob", dtype)
        reference.expect(
          try flow.function(.transform)(inputs, rows: 64)["z"], equals: "z", dtype)
        #expect(throws: RuntimeError.self) { try flow.function(.sample) }
      }
    #endif
  }

  @Test("the gradient with respect to x and context is each row's own, shared context or not")
  func gradient() throws {
    let reference = try Reference("maf-coupling")
    let model = reference.model
    try #require(model.context > 0)
    let function = try model.function(.logProbGradient, dtype: .f64)
    let shared = try model.function(.logProbGradient, dtype: .f64, sharedContext: true)
    let context = Array(reference.values("context").prefix(model.context))
    var inputs = reference.inputs
    inputs["context"] = HostArray(
      Array(repeating: context, count: 64).flatMap { $0 }, shape: [64, model.context])
    let each = try compile(function, model)(inputs, rows: 64)
    inputs["context"] = HostArray(context, shape: [model.context])
    let one = try compile(shared, model)(inputs, rows: 64)
    #expect(one["grad.context"]?.shape == [64, model.context])
    for name in ["log_prob", "grad.x", "grad.context"] {
      let (a, b) = (each[name]?.doubles ?? [], one[name]?.doubles ?? [])
      #expect(!a.isEmpty && a.count == b.count)
      for (a, b) in zip(a, b) { #expect(abs(a - b) <= 1e-10 * (1 + abs(b)), "\(name)") }
    }
    // Against central differences of log_prob in the shared context.
    let score = try compile(model.function(.logProb, dtype: .f64, sharedContext: true), model)
    for index in 0..<model.context {
      let step = 1e-5
      let ends = try [step, -step].map { step in
        var moved = context
        moved[index] += step
        inputs["context"] = HostArray(moved, shape: [model.context])
        return try #require(score(inputs, rows: 64)["log_prob"]?.doubles)
      }
      for row in 0..<64 {
        let slope = (ends[0][row] - ends[1][row]) / (2 * step)
        let found = one["grad.context"]?.doubles[row * model.context + index] ?? .nan
        // Slopes jump where a unit of ReLU turns on within the step.
        #expect(abs(found - slope) <= 1e-4 * (1 + abs(slope)), "row \(row)")
      }
    }
  }

  #if os(Linux) && arch(x86_64)
    @Test("weights and packed weights lie outside of the 2 GB that code reaches")
    func farWeights() throws {
      let path = FileManager.default.temporaryDirectory.path + "/lib\(UUID().uuidString).so"
      defer { try? FileManager.default.removeItem(atPath: path) }
      let reference = try Reference("nsf-wide")
      try reference.model.artifactSource(functions: [.logProb]).compile(
        to: path, named: "libmodel.so", cpu: .native)
      let sizes = try sectionSizes(path)
      let weights = 4 * reference.model.values.values.reduce(0) { $0 + $1.shape.reduce(1, *) }
      #expect(try #require(sizes[".lrodata"]) >= weights)
      for name in [".bss", ".data", ".data.rel.ro", ".rodata"] {
        #expect(sizes[name, default: 0] < weights / 2, "\(name)")
      }
    }

    /// The sizes of an ELF file's sections by name.
    private func sectionSizes(_ path: String) throws -> [String: Int] {
      let bytes = try Data(contentsOf: URL(fileURLWithPath: path))
      func number<T: FixedWidthInteger>(_ type: T.Type, at offset: Int) -> Int {
        Int(bytes.withUnsafeBytes { $0.loadUnaligned(fromByteOffset: offset, as: type) })
      }
      func header(_ index: Int) -> Int { number(UInt64.self, at: 40) + 64 * index }
      let names = number(UInt64.self, at: header(number(UInt16.self, at: 62)) + 24)
      return (0..<number(UInt16.self, at: 60)).reduce(into: [:]) { sizes, index in
        let start = names + number(UInt32.self, at: header(index))
        let name = String(decoding: bytes[start...].prefix { $0 != 0 }, as: UTF8.self)
        sizes[name, default: 0] += number(UInt64.self, at: header(index) + 32)
      }
    }
  #endif

  @Test("a prefix that makes no C names and a file that is not an artifact are errors")
  func errors() throws {
    let reference = try Reference("one-feature")
    #expect(throws: CodegenError.prefix("2x")) {
      try reference.model.artifactSource(prefix: "2x")
    }
    #expect(throws: RuntimeError.self) { try CompiledArtifact(path: "/usr/bin/env") }
  }
}

extension HostArray {
  /// The first rows.
  fileprivate func first(_ rows: Int) -> HostArray {
    let count = rows * (count / shape[0])
    let shape = [rows] + shape.dropFirst()
    return switch storage {
    case .float32(let values): HostArray(Array(values.prefix(count)), shape: shape)
    case .float64(let values): HostArray(Array(values.prefix(count)), shape: shape)
    case .int32(let values): HostArray(Array(values.prefix(count)), shape: shape)
    }
  }
}
