import FlowIR
import Foundation
import Testing

@testable import FlowCodegen
@testable import FlowRuntime

#if arch(x86_64)
  private let isClang = (try? Toolchain.find())?.compiler.isGCC == false

  /// The instructions that plans and profiles count, beside those that clang makes.
  @Suite(.enabled(if: isClang, "the counts are those of clang's code"))
  struct InstructionCountTests {
    private static let unary: [UnaryOperator] = [
      .negate, .absolute, .sign, .reciprocal, .sqrt, .rsqrt, .square, .relu, .exp, .elu, .expm1,
      .log, .log1p, .sin, .cos, .asin, .tanh, .sigmoid, .softplus, .logSigmoid, .erf, .erfc, .floor,
    ]
    private static let binary: [BinaryOperator] = [
      .add, .subtract, .multiply, .divide, .maximum, .minimum, .power,
    ]

    @Test("a function takes as many as its traits say", arguments: InstructionSet.allCases)
    func functions(set: InstructionSet) throws {
      let dtype = set.dtype
      let opcodes = Self.unary.map(Opcode.unary) + Self.binary.map(Opcode.binary)
      let text = opcodes.enumerated().map { index, opcode in
        """
        void case_\(index)(const fk_vec *restrict a, const fk_vec *restrict b, fk_vec *restrict c,
            int64_t n) {
          for (int64_t i = 0; i < n; i++) {
            const fk_vec x = a[i], y = b[i];
            c[i] = \(Expressions.pointwise(opcode, ["x", "y"], [dtype, dtype]));
          }
        }

        """
      }.joined()
      let loops = try AssemblyLoops(KernelHeaders.text(for: text, dtype: dtype) + text, set)
      for (index, opcode) in opcodes.enumerated() {
        let (name, cost) = (opcode.name, opcode.traits.cost)
        let found = try #require(loops.longest(in: "case_\(index)"), "\(name)")
        #expect(found.divisions == cost.divisions[set], "divisions of \(name)")
        #expect(
          Self.agree(found.instructions, cost.perResult[set]),
          "\(name) takes \(found.instructions), not \(cost.perResult[set])")
      }
    }

    /// Whether counts are the same but for what versions of clang differ in: 22 takes up to 3 of 57 less than 21.
    private static func agree(_ found: Int, _ stated: Int) -> Bool {
      abs(found - stated) <= max(1, stated / 10)
    }

    private static let programs = [
      // Products that are added, negations, and one product that two sums read.
      """
      %p = multiply %x, %y : TYPE
      %a = add %p, %z : TYPE
      %q = square %y : TYPE
      %b = subtract %a, %q : TYPE
      %n = negate %b : TYPE
      %r = multiply %n, %x : TYPE
      %s = multiply %x, %z : TYPE
      %t = add %r, %s : TYPE
      %u = multiply %t, %y : TYPE
      %v = add %u, %x : TYPE
      %w = subtract %u, %z : TYPE
      %result = multiply %v, %w : TYPE
      """,
      // What erf, erfc and the bell of one number share, and the functions of one exponential.
      """
      %c = erfc %x : TYPE
      %e = erf %x : TYPE
      %q = square %x : TYPE
      %n = negate %q : TYPE
      %b = exp %n : TYPE
      %s = softplus %y : TYPE
      %t = sigmoid %y : TYPE
      %d = multiply %c, %e : TYPE
      %f = multiply %d, %b : TYPE
      %g = multiply %s, %t : TYPE
      %result = multiply %f, %g : TYPE
      """,
      // Selections: the larger number, a sum under a mask, and the complement of a size.
      """
      %m = less %x, %y : rows x 8 x bool
      %a = select %m, %y, %x : TYPE
      %k = greater %z, %y : rows x 8 x bool
      %s = add %a, %z : TYPE
      %b = select %k, %s, %a : TYPE
      %d = absolute %b : TYPE
      %result = erfc %d : TYPE
      """,
      // Exponentials that are normal numbers, and one that may not be.
      """
      %o = constant 1.0 : 8 x REAL
      %c = constant 0.25 : 8 x REAL
      %p = multiply %x, %c : TYPE
      %a = absolute %p : TYPE
      %d = add %o, %a : TYPE
      %q = divide %x, %d : TYPE
      %e = exp %q : TYPE
      %n = negate %q : TYPE
      %f = exp %n : TYPE
      %g = exp %y : TYPE
      %s = add %e, %f : TYPE
      %result = multiply %s, %g : TYPE
      """,
      // A logarithm of a number that is not small.
      """
      %o = constant 0.001 : 8 x REAL
      %q = square %x : TYPE
      %a = add %q, %o : TYPE
      %result = log %a : TYPE
      """,
      // A logarithm of one and a size.
      """
      %q = absolute %x : TYPE
      %result = log1p %q : TYPE
      """,
    ]

    @Test(
      "a group takes as many as its node says", arguments: InstructionSet.allCases,
      programs.indices)
    func groups(set: InstructionSet, index: Int) throws {
      let text = """
        flowir 1
        func @f(input %x : TYPE, input %y : TYPE, input %z : TYPE) {
        \(Self.programs[index])
        return result = %result
        }
        """.replacingOccurrences(of: "TYPE", with: "rows x 8 x \(set.dtype.rawValue)")
        .replacingOccurrences(of: "REAL", with: set.dtype.rawValue)
      let program = try TileProgram(lowering: Module(parsing: text).functions[0])
      let work = try #require(program.work(on: set).first { $0.label.hasPrefix("group") })
      let file = CFile(program, name: "flow", profiling: false)
      let loops = try AssemblyLoops(CompiledFunction.source(file, dtype: set.dtype), set)
      let found = try #require(loops.longest(in: "group_0"), "the group is no function")
      #expect(found.divisions == work.divisions / 8)
      #expect(
        Self.agree(found.instructions, work.instructions / 8),
        "\(found.instructions), not \(work.instructions / 8)")
    }
  }

  extension InstructionSet {
    fileprivate var dtype: DType {
      switch self {
      case .float32AVX512, .float32: .f32
      case .float64AVX512, .float64: .f64
      }
    }
  }

  /// The loops of compiled functions.
  private struct AssemblyLoops {
    /// What a loop's vector instructions are, without loads, stores and copies.
    struct Count {
      var instructions = 0
      var divisions = 0
    }

    private let lines: [Substring]

    /// Compiles C for a processor that has an instruction set.
    init(_ text: String, _ set: InstructionSet) throws {
      let folder = FileManager.default.temporaryDirectory
        .appending(path: "flowir-loops-\(UUID().uuidString)")
      try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
      defer { try? FileManager.default.removeItem(at: folder) }
      let source = folder.appending(path: "loops.c")
      let output = folder.appending(path: "loops.s")
      try text.write(to: source, atomically: true, encoding: .utf8)
      let cpu = set.hasAVX512 ? TargetCPU.x86V4 : .x86V3
      try CompilerRun(
        try Toolchain.find().compiler,
        Toolchain.flags(for: cpu) + ["-fopenmp", "-S", source.path, "-o", output.path]
      ).finish()
      lines = try String(contentsOf: output, encoding: .utf8).split(separator: "\n")
    }

    /// The innermost loop of a function with the most vector instructions; nil if there is no such function, or no
    /// loop in it.
    func longest(in function: String) -> Count? {
      guard let start = lines.firstIndex(where: { $0.hasPrefix("\(function):") }) else {
        return nil
      }
      var labels: [Substring: Int] = [:]
      var counts: [Count] = []
      for (place, line) in lines[start...].enumerated() {
        if line.contains(".Lfunc_end") { break }
        if line.hasPrefix(".L"), let name = line.split(separator: ":").first {
          labels[name] = start + place
        }
        let words = line.split { " \t".contains($0) }
        guard words.count > 1, words[0].hasPrefix("j"), let first = labels[words[1]] else {
          continue
        }
        let hasInner = lines[first...(start + place)].dropFirst().contains { $0.hasPrefix(".L") }
        if !hasInner { counts.append(count(lines[first...(start + place)])) }
      }
      return counts.max { $0.instructions + $0.divisions < $1.instructions + $1.divisions }
    }

    private static let copies = ["vmov", "vbroadcast", "vpbroadcast", "kmov"]

    private func count(_ lines: ArraySlice<Substring>) -> Count {
      var count = Count()
      for line in lines {
        guard let name = line.split(whereSeparator: { " \t".contains($0) }).first,
          name.hasPrefix("v") || name.hasPrefix("k")
        else { continue }
        if name.hasPrefix("vdiv") || name.hasPrefix("vsqrt") {
          count.divisions += 1
        } else if !Self.copies.contains(where: name.hasPrefix) || line.contains("{%k") {
          count.instructions += 1
        }
      }
      return count
    }
  }
#endif
