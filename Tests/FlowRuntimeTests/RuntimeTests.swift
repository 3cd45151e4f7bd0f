import CFlowKernels
import FlowIR
import Foundation
import Testing

@testable import FlowRuntime

/// Calling, binding, threads and the cache.
@Suite struct RuntimeTests {
  private func layer() throws -> Function {
    let builder = FunctionBuilder(name: "f")
    let x = builder.argument("x", .row([5], .f32))
    let w = builder.argument("w", .uniform([9, 5], .f32), .parameter)
    let h = try builder.emit(.unary(.tanh), try builder.emit(.linear(nil), x, w))
    let g = try builder.emit(.linearWeightGradient(nil), h, x)
    let sum = try builder.emit(.rowSum, try builder.emit(.reduce(.sum, axis: 0), h))
    return builder.finish(results: [
      FunctionResult(name: "h", value: h), FunctionResult(name: "g", value: g),
      FunctionResult(name: "sum", value: sum),
    ])
  }

  @Test("results have the same bits at any number of threads")
  func threads() throws {
    let bound = try CompiledFunction(.withoutPasses(layer())).bind([
      "w": HostArray((0..<45).map { sin(Float($0)) }, shape: [9, 5])
    ])
    let rows = 5000
    let x = HostArray((0..<rows * 5).map { cos(Float($0) * 0.37) }, shape: [rows, 5])
    let one = try bound(["x": x], rows: rows, threads: 1)
    for threads in [2, 3, 7] {
      #expect(try bound(["x": x], rows: rows, threads: threads) == one)
    }
  }

  @Test("no rows give empty arrays and sums of zero")
  func noRows() throws {
    let bound = try CompiledFunction(.withoutPasses(layer())).bind([
      "w": HostArray([Float](repeating: 1, count: 45), shape: [9, 5])
    ])
    let result = try bound(["x": HostArray([] as [Float], shape: [0, 5])], rows: 0)
    #expect(result["h"]?.count == 0)
    #expect(result["sum"]?.floats == [0])
    #expect(result["g"]?.floats == [Float](repeating: 0, count: 45))
  }

  @Test("missing and mis-shaped arguments are errors that name them")
  func arguments() throws {
    let compiled = try CompiledFunction(.withoutPasses(layer()))
    #expect(throws: RuntimeError.missingArgument("w")) { try compiled.bind() }
    #expect(throws: RuntimeError.shape(argument: "w", found: [5, 9], expected: [9, 5])) {
      try compiled.bind(["w": HostArray([Float](repeating: 1, count: 45), shape: [5, 9])])
    }
  }

  @Test("numbers that are no integers of 32 bits are an error for an argument of integers")
  func integers() throws {
    let builder = FunctionBuilder(name: "f")
    let seed = builder.argument("seed", .uniform([2], .i32))
    let u = try builder.emit(.random(.uniform, type: .row([1], .f32), stream: 0), seed)
    let bound = try CompiledFunction(
      .withoutPasses(builder.finish(results: [FunctionResult(name: "u", value: u)]))
    ).bind()
    let right = try bound(["seed": HostArray([7, 0] as [Int32], shape: [2])], rows: 3)
    #expect(try bound(["seed": HostArray([7, 0] as [Double], shape: [2])], rows: 3) == right)
    for wrong in [.nan, 0.5, 2_147_483_648, -1e300, .infinity] as [Double] {
      #expect(throws: RuntimeError.notIntegers(argument: "seed")) {
        try bound(["seed": HostArray([wrong, 0], shape: [2])], rows: 3)
      }
    }
  }

  @Test("an object that others may write is not loaded")
  func untrusted() throws {
    let folder = FileManager.default.temporaryDirectory.path + "/flowir-\(UUID().uuidString)"
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let cache = try ObjectCache(folder: folder)
    let toolchain = try Toolchain.find()
    let path = try cache.object(for: "int f(void) { return 1; }\n", toolchain: toolchain)
    #expect(try cache.object(for: "int f(void) { return 1; }\n", toolchain: toolchain) == path)
    try FileManager.default.setAttributes([.posixPermissions: 0o666], ofItemAtPath: path)
    #expect(throws: RuntimeError.untrustedCache(path: path)) {
      try cache.object(for: "int f(void) { return 1; }\n", toolchain: toolchain)
    }
  }

  @Test("a compiler error carries the compiler's words")
  func compilerError() throws {
    let folder = FileManager.default.temporaryDirectory.path + "/flowir-\(UUID().uuidString)"
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let cache = try ObjectCache(folder: folder)
    let error = #expect(throws: RuntimeError.self) {
      try cache.object(for: "no C at all\n", toolchain: try .find())
    }
    #expect("\(try #require(error))".contains("unknown type name"))
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder).isEmpty)
  }

  @Test("the kernel headers are embedded in the order of their includes")
  func headers() {
    let texts = (0..<fk_embedded_header_count()).map { String(cString: fk_embedded_header($0)) }
    #expect(texts.count == 16)
    #expect(texts.first?.contains("#define FK_BASE_H") == true)
    #expect(texts.last?.contains("#define FK_ODE_GROUP_H") == true)
  }

  @Test(
    "code comes with the kernels that it uses, and those with all that they use",
    arguments: [
      ("FK_LANES", "fk_vec"), ("fk_vec", "fk_exp"), ("fk_exp", "fk_load_tile"),
      ("fk_random", "fk_pack"), ("fk_load_tile", "fk_exp"), ("fk_pack", "fk_load_tile"),
      ("FK_DEFINE_GEMM", "fk_exp"), ("FK_DEFINE_ROW", "fk_weight_gradient"),
      ("fk_weight_gradient", "fk_take"), ("fk_ode_begin", "fk_ode_recall"),
      ("fk_ode_recall", "fk_take"), ("fk_cholesky", "fk_exp"), ("fk_root_start", "fk_inverse_put"),
      ("fk_inverse_put", "fk_take"), ("fk_take", "fk_weight_gradient"),
      ("fk_ode_restore", "fk_root_start"),
    ])
  func usedHeaders(name: String, other: String) throws {
    func defines(_ text: String, _ name: String) -> Bool {
      text.contains(name + "(") || text.contains(name + " ") || text.contains(name + ";")
    }
    for dtype in [DType.f32, .f64] {
      let text = KernelHeaders.text(for: "int \(name);", dtype: dtype)
      #expect(defines(text, name))
      #expect(!defines(text, other))
      let checks = "#pragma clang diagnostic error \"-Wimplicit-function-declaration\"\n"
      _ = try ObjectCache().object(for: checks + text, toolchain: .find())
    }
  }
}
