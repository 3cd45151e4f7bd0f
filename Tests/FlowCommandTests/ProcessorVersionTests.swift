import FlowFiles
import FlowRuntime
import Flows
import Foundation
import Testing

#if arch(x86_64)
  /// `flowir compile --cpu` with several processors.
  @Suite struct ProcessorVersionTests {
    /// Runs a program, with FLOWIR_CPU set if a processor is given.
    private func run(
      _ program: String, _ arguments: [String], cpu: String = ""
    ) throws -> (status: Int32, output: String) {
      let process = Process()
      process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
      let name = program == "flowir" ? CommandTests.executable.path : program
      process.arguments = ["FLOWIR_CPU=\(cpu)", name] + arguments
      let pipe = Pipe()
      process.standardOutput = pipe
      process.standardError = pipe
      let waitUntilEnded = try process.started()
      let text = pipe.fileHandleForReading.readDataToEndOfFile()
      waitUntilEnded()
      return (process.terminationStatus, String(decoding: text, as: UTF8.self))
    }

    private func exported(_ object: String) throws -> [String] {
      try run("nm", ["-D", "--defined-only", object]).output.split(separator: "\n")
        .compactMap { $0.split(separator: " ").last.map(String.init) }.sorted()
    }

    @Test("one object for several processors does in each version what an object for it alone does")
    func versions() throws {
      let folder = FileManager.default.temporaryDirectory.path + "/flowir-\(UUID().uuidString)"
      try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
      defer { try? FileManager.default.removeItem(atPath: folder) }
      let model = CompileCommandTests.fixtures + "/maf-unconditional.safetensors"
      let object = folder + "/libmodel.so"
      // Two translation units for each version.
      let functions = ["--function", "log_prob,log_prob_gradient,sample"]
      var result = try run(
        "flowir",
        ["compile", model, "--output", object, "--cpu", "x86-64,x86-64-v4,x86-64-v3"] + functions)
      #expect(result.status == 0, "\(result.output)")

      let samples = folder + "/x.npy"
      result = try run("flowir", ["sample", model, "--rows", "517", "--output", samples])
      #expect(result.status == 0, "\(result.output)")
      func score(_ scored: String, cpu: String = "") throws -> [Double] {
        let output = folder + "/scores.npy"
        let result = try run(
          "flowir", ["score", scored, "--input", samples, "--output", output], cpu: cpu)
        #expect(result.status == 0, "\(result.output)")
        return try openRows(output).read(1000)
      }
      let wanted = try score(model)
      for cpu in TargetCPU.runnable {
        let alone = folder + "/lib\(cpu.rawValue).so"
        result = try run(
          "flowir", ["compile", model, "--output", alone, "--cpu", cpu.rawValue] + functions)
        #expect(result.status == 0, "\(result.output)")
        #expect(try exported(alone) == exported(object))
        let found = try score(object, cpu: cpu.rawValue)
        #expect(try found == score(alone), "\(cpu.rawValue)")
        // Two processors round differently, a few units in the last place of each of some sums.
        for (a, b) in zip(found, wanted) { #expect(abs(a - b) <= 1e-4 * max(1, abs(b))) }
        #expect(found.count == 517)
        result = try run("flowir", ["info", object], cpu: cpu.rawValue)
        #expect(result.output.contains("cpu         \(cpu.rawValue)\n"), "\(result.output)")
      }
      // Of arrays of float64 around float32 too the functions are the same.
      let wide = ["--io", "f64", "--function", "log_prob,sample"]
      var symbols: [[String]] = []
      for cpu in ["x86-64", "x86-64,x86-64-v3"] {
        let path = folder + "/libwide.so"
        result = try run("flowir", ["compile", model, "--output", path, "--cpu", cpu] + wide)
        #expect(result.status == 0, "\(result.output)")
        symbols.append(try exported(path))
      }
      #expect(symbols[0] == symbols[1] && symbols[0].contains("flowir_sample_each"))
      // Unasked, it is the best.
      let best = try #require(TargetCPU.runnable.last).rawValue
      result = try run("flowir", ["info", object])
      #expect(result.output.contains("cpu         \(best)\n"), "\(result.output)")
      #expect(
        result.output.contains("cpus        x86-64-v4, x86-64-v3, x86-64\n"), "\(result.output)")

      result = try run(
        "flowir", ["score", object, "--input", samples, "--output", folder + "/y.npy"], cpu: "z80")
      #expect(
        result.status == 1
          && result.output.contains(
            "FLOWIR_CPU is z80, and this was compiled for x86-64-v4, x86-64-v3, x86-64"),
        "\(result.output)")
    }

    @Test("several processors that are not several are usage errors")
    func usage() throws {
      let model = CompileCommandTests.fixtures + "/one-feature.safetensors"
      for (cpu, message) in [
        ("x86-64,x86-64", "names a processor twice"), ("native,x86-64", "native can't be one"),
        ("x86-64,", "unknown processor ''"), ("x86-64,z80", "unknown processor 'z80'"),
      ] {
        let result = try run("flowir", ["compile", model, "--output", "a.so", "--cpu", cpu])
        #expect(result.status == 2 && result.output.contains(message), "\(result.output)")
      }
    }
  }
#endif
