import FlowFiles
import FlowRuntime
import Foundation
import Testing

/// `flowir dump --cost` and `flowir profile`.
@Suite struct ProfileTests {
  static let model = CompileCommandTests.fixtures + "/maf-unconditional.safetensors"

  @Test("--cost counts what masks let through, and what runs once apart from what rows need")
  func cost() throws {
    let file = FileManager.default.temporaryDirectory.path + "/\(UUID().uuidString).flowir"
    defer { try? FileManager.default.removeItem(atPath: file) }
    try """
    flowir 1
    mask @m0 = 3 x 3 "3 0,1,2 0,2,1"
    func @f(input %z: rows x 3 x f32, parameter %w: 3 x 3 x f32) {
      %e = exp %w : 3 x 3 x f32
      %x = autoregressive_inverse passes 3 : rows x 3 x f32 (%y: rows x 3 x f32) {
        %h = linear %y, %e mask @m0 : rows x 3 x f32
        %d = subtract %z, %h : rows x 3 x f32
        yield %d
      }
      %s = reduce_sum %x axis 0 : rows x f32
      return x = %x, s = %s
    }
    """.write(toFile: file, atomically: true, encoding: .utf8)
    let result = try CommandTests().flowir("dump", file, "--cost")
    #expect(
      result.output == """
        dense FLOP         FLOP        bytes  per   operation
                 9            9           72  call  exp : 3 x 3 x f32
                 0            0           12  row   autoregressive_inverse : rows x 3 x f32
                54            6           24  row     linear : rows x 3 x f32
                 9            3           36  row     subtract : rows x 3 x f32
                 3            3           16  row   reduce_sum : rows x f32
                66           12           88  row   f, all operations of rows
                 9            9          108  call  f, all others, and parameters

        """, "\(result.output) \(result.errors)")
  }

  @Test("the profile of a sample has every node of its tile program and the work of scoring")
  func profile() throws {
    func nodes(_ function: String) throws -> [JSONValue] {
      let result = try CommandTests().flowir(
        "profile", Self.model, "--function", function, "--rows", "500", "--seconds", "0",
        "--threads", "2", "--json")
      #expect(result.status == 0, "\(result.errors)")
      let json = try JSONValue.parse(result.output.utf8)
      guard case .array(let nodes)? = json["nodes"],
        case .number(let share)? = json["fraction_of_peak"]
      else { throw FileError.malformed(path: "profile", offset: 0, reason: result.output) }
      #expect(share > 0 && share < 1)
      return nodes
    }
    func products(_ nodes: [JSONValue]) -> [Double] {
      nodes.compactMap { node in
        guard case .string(let name)? = node["node"], name.hasPrefix("linear"),
          case .number(let work)? = node["work_per_row"],
          case .number(let time)? = node["ns_per_row"]
        else { return nil }
        #expect(time > 0)
        return work
      }
    }
    let scored = products(try nodes("log_prob"))
    let sample = try nodes("sample")
    #expect(!scored.isEmpty && scored.sorted() == products(sample).sorted())
    let result = try CommandTests().flowir(
      "dump", Self.model, "--function", "sample", "--stage", "tiles")
    let tiles = result.output.split(separator: "\n").filter { line in
      ["load", "store", "copy", "linear", "group", "random", "steps"].contains {
        line.drop { $0 == " " }.hasPrefix($0 + " ")
      }
    }
    // One line more is what happens outside of the tiles.
    #expect(sample.count == tiles.count + 1)
  }

  @Test("the lines of roots, and no others, say how often a function was evaluated")
  func evaluations() throws {
    let model = CompileCommandTests.fixtures + "/sospf-default.safetensors"
    let arguments = ["profile", model, "--function", "sample", "--rows", "500", "--seconds", "0"]
    let result = try CommandTests().flowir(arguments + ["--json"])
    guard case .array(let nodes)? = try JSONValue.parse(result.output.utf8)["nodes"] else {
      throw FileError.malformed(path: "profile", offset: 0, reason: result.output)
    }
    for node in nodes {
      guard case .string(let name)? = node["node"] else { continue }
      guard name.hasPrefix("roots") else {
        #expect(node["evaluations"] == .null && node["passes"] == .null, "\(name)")
        continue
      }
      guard case .number(let evaluations)? = node["evaluations"],
        case .number(let passes)? = node["passes"]
      else {
        Issue.record("\(name) has no evaluations")
        continue
      }
      // A row that is done waits for others of its tile.
      #expect(evaluations >= 1 && evaluations <= passes && passes < 20)
    }
    let text = try CommandTests().flowir(arguments).output
    #expect(text.contains(" evaluations, ") && text.contains(" with those of rows that wait"))
  }

  @Test("the line of an ODE says how many evaluations a row needed, and how many lanes were in use")
  func solutions() throws {
    var products = 0
    let model = CompileCommandTests.fixtures + "/cnf-default.safetensors"
    for (function, rows) in [("log_prob", "2000"), ("log_prob", "1"), ("gradient", "100")] {
      let arguments = ["profile", model, "--function", function, "--rows", rows, "--seconds", "0"]
      let result = try CommandTests().flowir(arguments + ["--json"])
      guard case .array(let nodes)? = try JSONValue.parse(result.output.utf8)["nodes"] else {
        throw FileError.malformed(path: "profile", offset: 0, reason: result.output)
      }
      var count = 0
      var lanes = 0.0
      for node in nodes {
        guard case .string(let name)? = node["node"] else { continue }
        guard name.hasPrefix("ode solve") else {
          #expect(node["evaluations"] == .null && node["lanes_in_use"] == .null, "\(name)")
          // What the lines within count is one evaluation's work for each lane that was computed.
          if function == "log_prob", rows == "2000", name.hasPrefix("linear 64 x 64"),
            case .number(let work)? = node["work_per_row"]
          {
            let ratio = work / (2 * 64 * 64 * lanes)
            #expect(ratio > 0.95 && ratio < 1.1, "\(work) for \(lanes) lanes")
            products += 1
          }
          continue
        }
        guard case .number(let evaluations)? = node["evaluations"],
          case .number(let share)? = node["lanes_in_use"]
        else {
          Issue.record("\(name) has no evaluations")
          continue
        }
        count += 1
        lanes = evaluations / share
        // The two stages before the first step, and six for each; rows that are done make room.
        #expect(evaluations >= 8 && evaluations < 200, "\(evaluations)")
        #expect(share > (rows == "2000" ? 0.75 : 0) && share <= 1, "\(share) of \(rows) rows")
      }
      #expect(count >= 1)
      let text = try CommandTests().flowir(arguments).output
      #expect(text.contains(" evaluations a row, ") && text.contains(" % of the lanes in use"))
    }
    #expect(products == 2)
  }

  @Test("profiles take every function; wrong ones are usage errors")
  func functions() throws {
    for function in ["train_step", "gradient"] {
      let result = try CommandTests().flowir(
        "profile", Self.model, "--function", function, "--rows", "100", "--seconds", "0")
      #expect(result.status == 0 && result.output.contains("weight gradient"), "\(result.errors)")
      #expect(result.output.contains("outside of the tiles"))
    }
    let result = try CommandTests().flowir("profile", Self.model, "--function", "score")
    #expect(result.status == 2 && result.errors.contains("unknown function 'score'"))
  }

  @Test("work is counted in the instructions of the processor that the code is for")
  func processors() throws {
    let base = ["profile", Self.model, "--rows", "500", "--seconds", "0", "--json"]
    func work(_ cpu: TargetCPU) throws -> [Double] {
      let result = try CommandTests().flowir(base + ["--cpu", cpu.rawValue])
      guard case .array(let nodes)? = try JSONValue.parse(result.output.utf8)["nodes"] else {
        throw FileError.malformed(path: "profile", offset: 0, reason: result.errors)
      }
      return nodes.compactMap { node in
        guard node["bound"] == .string("vector"), case .number(let work)? = node["work_per_row"]
        else { return nil }
        return work
      }
    }
    for cpu in TargetCPU.runnable {
      #expect(try work(cpu).contains { $0 > 0 })
    }
    if TargetCPU.runnable.contains(.x86V4) {
      let narrow = try work(.x86V3).reduce(0, +)
      let wide = try work(.x86V4).reduce(0, +)
      #expect(narrow > wide)
    }
    for cpu in TargetCPU.allCases where cpu != .native && !TargetCPU.runnable.contains(cpu) {
      let result = try CommandTests().flowir(base + ["--cpu", cpu.rawValue])
      #expect(result.status == 2 && result.errors.contains("this machine can't run its code"))
    }
    let result = try CommandTests().flowir(base + ["--cpu", "z80"])
    #expect(result.status == 2 && result.errors.contains("unknown processor 'z80'"))
  }
}
