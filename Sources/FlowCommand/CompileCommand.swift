import ArgumentParser
import FlowCodegen
import FlowFiles
import FlowRuntime
import Flows
import Foundation

/// `flowir compile`.
struct Compile: ParsableCommand {
  enum Emission: String, ExpressibleByArgument, CaseIterable {
    case c
  }

  static let configuration = CommandConfiguration(
    abstract: "Make a shared object with a C interface that needs nothing else.",
    discussion: """
      Writes libNAME.so, and NAME.h beside it, which documents the functions. The weights are \
      inside; libc, libm and libomp are all that it needs. The commands score, sample, transform, \
      gradient and info take it as MODEL.

      With --io f64 arrays are of float64 and the code is of float32: the centre of the model's units is \
      subtracted from rows and contexts before they are rounded, and added to samples after. The functions \
      for a box are left out then.

      With --emit c, NAME.c is all of it as one C file, which a C11 compiler makes into the \
      object. An output that ends \
      in .c is that file alone and its header, and needs no C compiler.

      With several processors after --cpu the object has a version for each, and chooses when it is \
      loaded: the best that the machine can run, or the one that the environment's FLOWIR_CPU names. \
      Results of two versions may differ in their last bits.


      """ + FunctionList.text(ArtifactFunction.allCases.map { .compiled($0) })
        + "\n\nEXAMPLE: flowir compile model.safetensors --output libgalaxy.so --prefix galaxy")

  @Argument(help: "The model file.") var model: String
  @Option(help: "Where to write the shared object, libNAME.so, or the C file, NAME.c.")
  var output: String
  @Option(
    help: ArgumentHelp(
      "The functions that it has, separated by commas: "
        + ArtifactFunction.allCases.map(\.rawValue).joined(separator: ", ")
        + "; \(ArtifactFunction.standard.map(\.rawValue).joined(separator: ", ")) if left out."))
  var function: String?
  @Option(
    help: ArgumentHelp(
      "The processor: \(TargetCPU.choices); or several but native, "
        + "separated by commas, of which the object chooses when it is loaded."),
    completion: .list(TargetCPU.allCases.map(\.rawValue)))
  var cpu = TargetCPU.native.rawValue
  @Option(
    help: "What the functions' names start with, so that several models fit in one program.")
  var prefix = ArtifactSource.defaultPrefix
  @Option(help: "Write the C file too: c.") var emit: Emission?
  @Option(help: "The float type that it computes in, and that its arrays have.")
  var dtype: Precision = .f32
  @Option(
    help: ArgumentHelp(
      "The float type of its arrays: f64 around code of f32 keeps the digits of numbers far from zero."
    ))
  var io: Precision?
  @OptionGroup var summary: SummaryFlag

  private var isObject: Bool { output.hasSuffix(".so") }

  func validate() throws {
    guard isObject || output.hasSuffix(".c") else {
      throw ValidationError("--output must end in .so, or in .c for the C file alone")
    }
    guard ArtifactSource.isName(prefix) else {
      throw ValidationError("\(CodegenError.prefix(prefix))")
    }
    _ = try functions()
    _ = try processors()
    if io == .f32, dtype == .f64 {
      throw ValidationError(
        "--io f32 loses digits before --dtype f64 computes; leave out one of them")
    }
  }

  private func processors() throws -> [TargetCPU] {
    let names = cpu.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
    let cpus = try names.map { try TargetCPU(named: $0) }
    guard Set(cpus).count == cpus.count else {
      throw ValidationError("--cpu \(cpu) names a processor twice")
    }
    guard cpus.count == 1 || !cpus.contains(.native) else {
      throw ValidationError(
        "--cpu \(cpu): native can't be one of several, since other machines do not know what it is")
    }
    #if !arch(x86_64)
      guard cpus == [.native] else {
        throw ValidationError(
          "--cpu \(cpu): this machine is not an x86-64; --cpu native is all that it can compile for"
        )
      }
    #endif
    return cpus
  }

  private func functions() throws -> [ArtifactFunction] {
    guard let function else { return ArtifactFunction.standard }
    return try function.split(separator: ",", omittingEmptySubsequences: false).map { name in
      guard let known = ArtifactFunction(rawValue: String(name)) else {
        let all = ArtifactFunction.allCases.map(\.rawValue).joined(separator: ", ")
        throw ValidationError("unknown function '\(name)'; the functions are \(all)")
      }
      return known
    }
  }

  func run() throws {
    let place = URL(fileURLWithPath: output)
    let name = place.deletingPathExtension().lastPathComponent
    let short =
      isObject && name.hasPrefix("lib") && name.count > 3 ? String(name.dropFirst(3)) : name
    let folder = place.deletingLastPathComponent()
    func beside(_ name: String) -> String { folder.appendingPathComponent(name).path }
    let outputs = Outputs(inputs: [model])
    let object = isObject ? try outputs.open(output, isExecutable: true) : nil
    let code = emit == .c || !isObject ? try outputs.open(beside(short + ".c")) : nil
    let header = try outputs.open(beside(short + ".h"))
    let start = ContinuousClock.now
    let source = try Model.read(model).artifactSource(
      functions: try functions(), prefix: prefix, dtype: dtype.dtype,
      io: io?.dtype)
    if let object {
      let work = try object.workFolder() + "/object.so"
      try source.compile(to: work, named: place.lastPathComponent, cpus: try processors())
      guard let bytes = FileManager.default.contents(atPath: work) else {
        throw FileError.system(path: output, action: "write", reason: "the compiler made no object")
      }
      try object.write(bytes)
    }
    try code?.write(source.text)
    try header.write(source.header(name: short).utf8)
    try outputs.commit()
    let seconds = (ContinuousClock.now - start) / .seconds(1)
    try summary.print(
      [
        ("output", .string(output)), ("header", .string(beside(short + ".h"))),
        ("c", code == nil ? .null : .string(beside(short + ".c"))),
        ("functions", .array(try functions().map { .string($0.rawValue) })),
        ("cpu", .array(try processors().map { .string($0.rawValue) })),
        ("dtype", .string(dtype.rawValue)), ("io", .string((io ?? dtype).rawValue)),
        ("seconds", .number(seconds)),
      ],
      "wrote \(output) and \(short).h, with \(try functions().map(\.rawValue).joined(separator: ", "))"
    )
  }
}
