import FlowFiles
import FlowRuntime
import Foundation
import Testing

/// `flowir compile` and programs that use what it makes.
@Suite struct CompileCommandTests {
  static let examples = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent()
    .appendingPathComponent("Sources/Examples/Artifact").path
  static let fixtures = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().appendingPathComponent("ZukoParityTests/Fixtures").path

  /// Runs a program of PATH, or the one under test if it is `flowir`.
  private func run(_ program: String, _ arguments: [String]) throws -> (
    status: Int32, output: String
  ) {
    let process = Process()
    let isOurs = program == "flowir"
    process.executableURL =
      isOurs ? CommandTests.executable : URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = isOurs ? arguments : [program] + arguments
    let pipe = Pipe()
    process.standardOutput = pipe
    process.standardError = pipe
    let waitUntilEnded = try process.started()
    let text = pipe.fileHandleForReading.readDataToEndOfFile()
    waitUntilEnded()
    return (process.terminationStatus, String(decoding: text, as: UTF8.self))
  }

  private func folder() throws -> String {
    let path = FileManager.default.temporaryDirectory.path + "/flowir-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    return path
  }

  @Test("C programs use an artifact; GCC takes the C file too, with and without OpenMP")
  func programs() throws {
    let folder = try folder()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let model = Self.fixtures + "/nsf-default.safetensors"
    var result = try run(
      "flowir", ["compile", model, "--output", folder + "/libmodel.so", "--emit", "c"])
    #expect(result.status == 0 && result.output.isEmpty, "\(result.output)")
    let names = try run("nm", ["-D", "--defined-only", folder + "/libmodel.so"]).output
      .split(separator: "\n").compactMap { $0.split(separator: " ").last.map(String.init) }
    #expect(
      names.sorted()
        == [
          "abi_version", "description", "inverse", "last_error", "log_mass", "log_prob",
          "log_prob_gradient", "log_prob_within", "sample", "sample_each", "sample_rows",
          "sample_within", "set_threads", "transform",
        ].map { "flowir_" + $0 })
    let needed = try run("objdump", ["-p", folder + "/libmodel.so"]).output
      .split(separator: "\n").filter { $0.contains("NEEDED") }
      .compactMap { $0.split(separator: " ").last?.prefix { $0 != "." }.description }
    // The loader itself gives each thread its error text.
    let others = needed.filter { !$0.hasPrefix("ld-linux") }
    #expect(Set(others).isSubset(of: ["libc", "libm", "libomp"]), "\(needed)")

    let common = [
      "-std=gnu11", "-O1", Self.examples + "/score.c", "-I" + folder, "-o", folder + "/score",
    ]
    let ways = [
      ["-L" + folder, "-lmodel", "-Wl,-rpath," + folder],
      ["-march=native", folder + "/model.c"],
    ]
    for (index, way) in ways.enumerated() {
      for compiler in index == 0 ? ["cc"] : ["gcc", "clang"] {
        result = try run(compiler, common + way + ["-lm"])
        #expect(result.status == 0, "\(result.output)")
        result = try run(folder + "/score", [])
        #expect(result.status == 0, "\(result.output)")
        #expect(result.output.contains("\"type\": \"NSF\""))
        for message in [
          "flowir_log_prob: x is NULL", "context_rows is 7, expected 1000",
          "rows is -1, expected 0 or more",
        ] { #expect(result.output.contains(message), "\(result.output)") }
      }
    }
  }

  @Test("two models with prefixes of their own fit in one program")
  func prefixes() throws {
    let folder = try folder()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    for (name, model) in [("first", "one-feature"), ("second", "maf-unconditional")] {
      let result = try run(
        "flowir",
        [
          "compile", "\(Self.fixtures)/\(model).safetensors", "--output",
          "\(folder)/\(name).c", "--prefix", name, "--function", "sample",
        ])
      #expect(result.status == 0 && result.output.isEmpty, "\(result.output)")
    }
    var result = try run(
      "cc",
      [
        "-std=gnu11", "-O1", Self.examples + "/two_models.c", "-I" + folder, folder + "/first.c",
        folder + "/second.c", "-lm", "-o", folder + "/two",
      ])
    #expect(result.status == 0, "\(result.output)")
    result = try run(folder + "/two", [])
    #expect(result.status == 0)
    #expect(result.output.split(separator: " ").count == 2)
  }

  @Test("a Swift program uses an artifact from several threads at once")
  func swift() throws {
    let folder = try folder()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    var result = try run(
      "flowir",
      [
        "compile", Self.fixtures + "/nsf-default.safetensors", "--output", folder + "/libmodel.so",
        "--function", "sample,log_prob",
      ])
    #expect(result.status == 0, "\(result.output)")
    result = try run(
      "swiftc",
      [
        "-import-objc-header", folder + "/model.h", Self.examples + "/score.swift", "-L" + folder,
        "-lmodel", "-Xlinker", "-rpath", "-Xlinker", folder, "-o", folder + "/score",
      ])
    #expect(result.status == 0, "\(result.output)")
    result = try run(folder + "/score", [])
    #expect(
      result.status == 0 && result.output.hasSuffix("from four threads at once: the same\n"),
      "\(result.output)")
  }

  #if arch(x86_64)
    @Test("on a processor without what a file was compiled for, calls fail with a message")
    func processor() throws {
      let folder = try folder()
      defer { try? FileManager.default.removeItem(atPath: folder) }
      let model = Self.fixtures + "/one-feature.safetensors"
      let arguments = ["compile", model, "--output", folder + "/model.c"]
      #expect(try run("flowir", arguments).status == 0)
      // AMD's FMA4 is in no processor that is made today.
      var result = try run(
        "cc",
        [
          "-std=gnu11", "-O1", "-march=x86-64", "-mfma4", folder + "/model.c",
          Self.examples + "/score.c", "-I" + folder, "-lm", "-o", folder + "/score",
        ])
      #expect(result.status == 0, "\(result.output)")
      result = try run(folder + "/score", [])
      #expect(
        result.status == 1
          && result.output.contains("flowir_sample: compiled for processors with fma4"),
        "\(result.output)")
      // The same as a shared object: the command and a Python host are told so too.
      let object = folder + "/libmodel.so"
      result = try run(
        "cc",
        [
          "-std=gnu11", "-O1", "-march=x86-64", "-mfma4", "-fPIC", "-shared", folder + "/model.c",
          "-lm", "-o", object,
        ])
      #expect(result.status == 0, "\(result.output)")
      for (name, columns) in [("x", 1), ("c", 3)] {
        let writer = try createRows("\(folder)/\(name).npy", columns: columns)
        try writer.write([Float](repeating: 0.5, count: 4 * columns))
        try writer.finish()
      }
      let given = ["--context", folder + "/c.npy", "--output"]
      for (command, function, arguments) in [
        ("score", "log_prob", ["--input", folder + "/x.npy"] + given + [folder + "/y.npy"]),
        ("sample", "sample_each", ["--rows", "5"] + given + [folder + "/y.npy"]),
        ("transform", "transform", ["--input", folder + "/x.npy"] + given + [folder + "/y.npy"]),
        (
          "gradient", "log_prob_gradient",
          ["--input", folder + "/x.npy"] + given + [folder + "/y.safetensors"]
        ),
      ] {
        result = try run("flowir", [command, object] + arguments)
        #expect(
          result.status == 1
            && result.output.contains(
              "libmodel.so: flowir_\(function): compiled for processors with fma4, which this one "
                + "lacks; compile it for this one, or with --cpu x86-64"),
          "\(result.output)")
      }
      #expect(!FileManager.default.fileExists(atPath: folder + "/y.npy"))
    }
  #endif

  @Test("wrong options of compile are usage errors")
  func usage() throws {
    let model = Self.fixtures + "/one-feature.safetensors"
    for (arguments, message) in [
      (["--output", "model.o"], "must end in .so"),
      (["--output", "a.so", "--prefix", "1a"], "can't start a C name"),
      (["--output", "a.so", "--function", "score"], "unknown function 'score'"),
      (["--output", "a.so", "--cpu", "z80"], "z80"),
    ] {
      let result = try run("flowir", ["compile", model] + arguments)
      #expect(result.status == 2 && result.output.contains(message), "\(result.output)")
    }
  }

  static let hasNumPy: Bool = {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = ["python3", "-c", "import numpy"]
    process.standardError = Pipe()
    try? process.run()
    process.waitUntilExit()
    return process.terminationStatus == 0
  }()

  @Test("a Python script uses an artifact", .enabled(if: hasNumPy, "python3 has no numpy"))
  func python() throws {
    let folder = try folder()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    var result = try run(
      "flowir",
      [
        "compile", Self.fixtures + "/maf-unconditional.safetensors", "--output",
        folder + "/libmodel.so", "--function", "sample,log_prob",
      ])
    #expect(result.status == 0, "\(result.output)")
    result = try run("python3", [Self.examples + "/score.py", folder + "/libmodel.so"])
    #expect(result.status == 0 && result.output.contains("mean log-density"), "\(result.output)")
  }

  @Test("a compiled flow serves as MODEL: the files are those that the model gives")
  func compiledModel() throws {
    let folder = try folder()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let model = Self.fixtures + "/maf-default.safetensors"
    let object = folder + "/libmodel.so"
    #expect(try run("flowir", ["compile", model, "--output", object]).status == 0)
    let fixture = try SafetensorsFile(path: model)
    var names: [String] = []
    for name in ["x", "context"] {
      guard let tensor = fixture["ref." + name], tensor.shape[1] > 0 else { continue }
      let writer = try createRows("\(folder)/\(name).npy", columns: tensor.shape[1])
      try writer.write(tensor.floats)
      try writer.finish()
      names += ["--" + (name == "x" ? "input" : name), "\(folder)/\(name).npy"]
    }
    let sample = ["--rows", "5", "--seed", "3"] + Array(names.dropFirst(2))
    for (command, arguments) in [
      ("score", names), ("transform", names), ("transform", names + ["--inverse"]),
      ("sample", sample),
    ] {
      for source in [model, object] {
        let output = folder + (source == model ? "/a.npy" : "/b.npy")
        let result = try run("flowir", [command, source, "--output", output] + arguments)
        #expect(result.status == 0, "\(result.output)")
      }
      let files = ["/a.npy", "/b.npy"].map { FileManager.default.contents(atPath: folder + $0) }
      #expect(files[0] != nil && files[0] == files[1], "\(command)")
    }
    for source in [model, object] {
      let output = folder + (source == model ? "/a.safetensors" : "/b.safetensors")
      let result = try run("flowir", ["gradient", source, "--output", output] + names)
      #expect(result.status == 0, "\(result.output)")
    }
    let (a, b) = (
      try SafetensorsFile(path: folder + "/a.safetensors"),
      try SafetensorsFile(path: folder + "/b.safetensors")
    )
    for name in ["loss", "x", "context"] {
      let (a, b) = (a[name]?.doubles ?? [], b[name]?.doubles ?? [])
      #expect(!a.isEmpty && a.count == b.count)
      for (a, b) in zip(a, b) { #expect(abs(a - b) <= 1e-5 * (0.01 + abs(a)), "\(name)") }
    }
    var result = try run("flowir", ["info", object])
    #expect(result.output.contains("functions   log_prob, transform"), "\(result.output)")
    result = try run("flowir", ["score", object, "--dtype", "f64", "--output", "o.npy"] + names)
    #expect(result.status == 1 && result.output.contains("compile it with --dtype f64"))
  }
}
