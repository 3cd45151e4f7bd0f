import FlowFiles
import Flows
import Foundation
import Testing

/// `flowir train --memory …` as a process: what memory it takes, and how it goes on after it was killed.
@Suite struct StreamedProcessTests {
  /// A folder with 60,000 rows of 32 numbers, a file of 15 MB, and its first 1,000.
  private func inWorkshop(_ body: (String) throws -> Void) throws {
    let folder = FileManager.default.temporaryDirectory.path + "/flowir-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    var generator = SeededGenerator(seed: 1)
    // Uniform numbers, which cost less to make than normal ones.
    let some = (0..<1_000 * 32).map { _ in Double(generator.next() >> 11) * 0x1p-53 }
    for (name, copies) in [("few", 1), ("many", 60)] {
      let writer = try createRows("\(folder)/\(name).npy", columns: 32, type: .f64)
      for copy in 0..<copies { try writer.write(some.map { $0 + Double(copy) * 0x1p-20 }) }
      try writer.finish()
    }
    try body(folder)
  }

  private func arguments(_ folder: String, _ data: String, _ more: [String]) -> [String] {
    [
      "train", "--flow", "MAF", "--set", "hidden_features=[8]", "--set", "transforms=1", "--data",
      "\(folder)/\(data).npy", "--output", "\(folder)/m.safetensors", "--epochs", "1",
      "--batch-size", "512", "--threads", "2",
    ] + more
  }

  /// Runs the command, and gives the most memory that its process had, in bytes.
  private func peak(_ folder: String, _ data: String, _ more: [String]) throws -> Int {
    let process = Process()
    process.executableURL = CommandTests.executable
    process.arguments = arguments(folder, data, more)
    process.standardOutput = FileHandle.nullDevice
    let errors = Pipe()
    process.standardError = errors
    try process.run()
    var peak = 0
    while process.isRunning {
      let status = try? String(
        contentsOfFile: "/proc/\(process.processIdentifier)/status", encoding: .utf8)
      // `VmHWM:      36564 kB`, which only grows.
      let line = status?.split(separator: "\n").first { $0.hasPrefix("VmHWM:") }
      if let kilobytes = line?.split(separator: " ").dropFirst().first.flatMap({ Int($0) }) {
        peak = max(peak, kilobytes << 10)
      }
      Thread.sleep(forTimeInterval: 0.002)
    }
    let text = String(decoding: errors.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    #expect(process.terminationStatus == 0, "\(text)")
    #expect(text.contains("rows are streamed") == (data == "many"), "\(text)")
    return peak
  }

  @Test(
    "rows of a streamed file take no more memory than --memory says, beside what a small file takes",
    arguments: [["--memory", "4M"], ["--memory", "4M", "--robust"]])
  func stays(words: [String]) throws {
    try inWorkshop { folder in
      // The objects of the model's functions are compiled once, by the first run.
      _ = try peak(folder, "few", words.contains("--robust") ? ["--robust"] : [])
      let least = try peak(folder, "few", Array(words.dropFirst(2)))
      let most = try peak(folder, "many", words)
      let limit = try #require(Int(words[1].dropLast())) << 20
      #expect(least > 0 && most - least <= limit, "\(least) \(most)")
    }
  }

  @Test(
    "a limit of the process's addresses or data makes training stream, whatever --memory says",
    arguments: ["-v $((150000 + 8192 * $(nproc)))", "-d 40000"])
  func limits(limit: String) throws {
    try inWorkshop { folder in
      for more in [[], ["--memory", "10G"]] {
        let words = arguments(folder, "many", more).map { "'\($0)'" }.joined(separator: " ")
        let result = try HostileCommandTests().shell(
          "ulimit \(limit); flowir \(words)", in: folder)
        #expect(result.status == 0, "\(result.errors.prefix(300))")
        #expect(result.errors.contains("rows are streamed"), "\(result.errors)")
      }
    }
  }

  @Test(
    "a streamed run that was killed goes on with the bits of a whole one, and not with other memory"
  )
  func resumes() throws {
    try inWorkshop { folder in
      let train =
        "flowir train --flow MAF --set hidden_features=[8] --set transforms=1 --data many.npy "
        + "--memory 2M --batch-size 512 --epochs 8"
      let shell = HostileCommandTests()
      let whole = try shell.shell(
        "\(train) --output whole.safetensors --log whole.json", in: folder)
      #expect(whole.status == 0, "\(whole.errors)")
      // Killed once the state after the first epoch is there.
      _ = try shell.shell(
        "\(train) --output m.safetensors --log m.json & run=$!; for i in $(seq 6000); do "
          + "[ -e m.safetensors.training ] && break; sleep 0.01; done; kill -9 $run; wait",
        in: folder)
      let names = try shell.names(folder)
      #expect(names.contains("m.safetensors.training") && !names.contains("m.safetensors"))
      let again = "\(train) --output m.safetensors --log m.json --resume"
      let other = try shell.shell(again.replacing("2M", with: "3M"), in: folder)
      #expect(other.status == 1 && other.errors.contains("files in pools"), "\(other.errors)")
      let resumed = try shell.shell(again, in: folder)
      #expect(resumed.status == 0, "\(resumed.errors)")
      #expect(!resumed.errors.contains("no interrupted run"), "\(resumed.errors)")
      #expect(
        FileManager.default.contents(atPath: folder + "/m.safetensors")
          == FileManager.default.contents(atPath: folder + "/whole.safetensors"))
      func lines(_ name: String) throws -> Int {
        try String(contentsOfFile: "\(folder)/\(name).json", encoding: .utf8)
          .split(separator: "\n").count
      }
      #expect(try lines("m") == lines("whole"))
    }
  }
}
