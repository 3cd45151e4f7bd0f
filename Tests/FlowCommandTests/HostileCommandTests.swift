import FlowFiles
import FlowRuntime
import Flows
import Foundation
import Testing

/// The command on what a hostile user, a full disk or a second run does to it.
@Suite struct HostileCommandTests {
  /// A flow that compiles quickly.
  private let small = "--flow MAF --set transforms=1 --set hidden_features=[8]"

  /// A folder with an untrained model of two features and rows for it.
  func inWorkshop(_ body: (String) throws -> Void) throws {
    let folder = FileManager.default.temporaryDirectory.path + "/flowir-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let text = #"{"type": "MAF", "features": 2, "transforms": 1, "hidden_features": [8]}"#
    try Model(FlowDescription(text: text), seed: 1).save(to: folder + "/m.safetensors")
    let x = try createRows(folder + "/x.npy", columns: 2)
    for number in 0..<100 {
      let t = Float(number)
      try x.write([sin(t), cos(3 * t)])
    }
    try x.finish()
    try body(folder)
  }

  /// Runs a line of the shell, where `flowir` is the executable itself, so that `$!` is its process.
  func shell(_ line: String, in folder: String) throws -> CommandTests.Outcome {
    let tools = CommandTests.executable.deletingLastPathComponent().path
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/bin/bash")
    process.arguments = [
      "-c", "PATH='\(tools)':\"$PATH\"; cd '\(folder)'; \(line)",
    ]
    let (output, errors) = (Pipe(), Pipe())
    process.standardOutput = output
    process.standardError = errors
    let waitUntilEnded = try process.started()
    let text = output.fileHandleForReading.readDataToEndOfFile()
    let problems = errors.fileHandleForReading.readDataToEndOfFile()
    waitUntilEnded()
    return CommandTests.Outcome(
      status: process.terminationStatus, output: String(decoding: text, as: UTF8.self),
      errors: String(decoding: problems, as: UTF8.self))
  }

  func names(_ folder: String) throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: folder).sorted()
  }

  @Test("no output is an input or another output, and nothing is written when one is refused")
  func overwriting() throws {
    try inWorkshop { folder in
      let before = FileManager.default.contents(atPath: folder + "/m.safetensors")
      for (line, message) in [
        ("gradient m.safetensors --input x.npy --output m.safetensors", "is an input"),
        ("train --flow MAF --data x.npy --output ./x.npy", "is an input"),
        ("score m.safetensors --input x.npy --output x.npy", "is an input"),
        ("transform m.safetensors --input x.npy --output z.npy --ladj ./z.npy", "the same file"),
        ("sample m.safetensors --rows 9 --output a.npy --log-prob no/b.npy", "does not exist"),
        ("sample m.safetensors --rows 9 --output a.npy --log-prob b.txt", "unknown ending"),
      ] {
        let result = try shell("flowir " + line, in: folder)
        #expect(result.status == 1 && result.errors.contains(message), "\(result.errors)")
        #expect(result.errors.split(separator: "\n").count == 1)
      }
      #expect(FileManager.default.contents(atPath: folder + "/m.safetensors") == before)
      #expect(try names(folder) == ["m.safetensors", "x.npy"])
    }
  }

  @Test("output that can't be written is a failure, whatever the stream's fault is")
  func streams() throws {
    try inWorkshop { folder in
      for line in [
        "flowir dump m.safetensors >/dev/full", "flowir dump m.safetensors >&-",
        "flowir info m.safetensors >/dev/full", "flowir --help >/dev/full",
        "flowir score m.safetensors --input x.npy --output - >/dev/full",
        "flowir score m.safetensors --input x.npy --output o.npy --json >&-",
        "flowir dump m.safetensors | true; (exit ${PIPESTATUS[0]})",
      ] {
        let result = try shell(line, in: folder)
        #expect(result.status == 1, "\(line): \(result.status) \(result.errors)")
        #expect(result.errors.contains("standard output: can't write"), "\(line): \(result.errors)")
      }
      // Without standard error there is nowhere to complain; the result is right all the same.
      let result = try shell(
        "flowir score m.safetensors --input x.npy --output e.npy 2>&- 0<&-", in: folder)
      #expect(result.status == 0)
      #expect(try openRows(folder + "/e.npy").read(999).count == 100)
      #expect(
        try shell("flowir score none --input x.npy --output e.npy 2>&-", in: folder).status == 1)
    }
  }

  @Test("a disk that is full keeps the partial result, and --resume gives the bytes of a whole run")
  func fullDisk() throws {
    try inWorkshop { folder in
      let score = "flowir score m.safetensors --input x.npy --chunk 10 --json --output"
      #expect(try shell(score + " whole.npy", in: folder).status == 0)
      // The limit counts blocks of 1024 bytes, the header takes 128: not all of 100 rows in f64 fit.
      let command = score.replacing("--json", with: "--json --dtype f64")
      #expect(try shell(command + " whole64.npy", in: folder).status == 0)
      let full = try shell("(ulimit -f 0; \(command) part.npy)", in: folder)
      #expect(full.status == 1 && full.errors.contains("ulimit -f"), "\(full.errors)")
      _ = try shell(
        "rm -f part.npy.flowir.partial; (ulimit -S -f 1; \(command) big.npy)", in: folder)
      let resumed = try shell(command + " part.npy --resume", in: folder)
      #expect(resumed.status == 0 && resumed.output.contains("\"rows\": 100"))
      #expect(
        FileManager.default.contents(atPath: folder + "/part.npy")
          == FileManager.default.contents(atPath: folder + "/whole64.npy"))
    }
  }

  @Test("--resume counts the bad rows of the run before it, too")
  func resumedCounts() throws {
    try inWorkshop { folder in
      let x = try createRows(folder + "/bad.npy", columns: 2)
      try x.write((0..<400).map { $0 % 40 == 2 ? Float.nan : 0.5 })
      try x.finish()
      let command = "flowir score m.safetensors --input bad.npy --chunk 10 --dtype f64 --json"
      let whole = try shell(command + " --output whole.npy", in: folder)
      let cut = try shell("(ulimit -f 1; \(command) --output part.npy)", in: folder)
      #expect(cut.status == 1 && cut.errors.contains("kept for --resume"), "\(cut.errors)")
      #expect(try names(folder).contains("part.npy.flowir.partial"))
      let resumed = try shell(command + " --output part.npy --resume", in: folder)
      for text in ["\"rows\": 200", "\"invalid_rows\": 10", "\"first_invalid_row\": 2"] {
        #expect(whole.output.contains(text) && resumed.output.contains(text), "\(resumed.output)")
      }
      #expect(
        FileManager.default.contents(atPath: folder + "/part.npy")
          == FileManager.default.contents(atPath: folder + "/whole.npy"))
    }
  }

  @Test("two runs at once: the second is told who writes the output, and the first is whole")
  func twoAtOnce() throws {
    try inWorkshop { folder in
      let result = try shell(
        """
        mkfifo in.csv
        flowir score m.safetensors --input in.csv --output o.npy & first=$!
        exec 3<>in.csv; echo 0.5,1 >&3
        for i in $(seq 100); do [ -e o.npy.flowir.partial ] && break; sleep 0.1; done
        flowir score m.safetensors --input x.npy --output o.npy; second=$?
        echo 1,0.5 >&3; exec 4>in.csv 3>&- 4>&-
        wait $first; echo "$? $second $first"
        """, in: folder)
      let parts = result.output.split(separator: " ").map(String.init)
      #expect(parts.prefix(2) == ["0", "1"], "\(result.output) \(result.errors)")
      #expect(result.errors.contains("is writing it"), "\(result.errors)")
      #expect(try openRows(folder + "/o.npy").read(9).count == 2)
    }
  }

  @Test("a state of another run is refused by the name of what differs")
  func sidecars() throws {
    try inWorkshop { folder in
      let train =
        "flowir train \(small) --data x.npy --batch-size 50 --schedule constant --output o.safetensors"
      #expect(try shell(train + " --epochs 2", in: folder).status == 0)
      // A run that is killed after its first epochs: once the first state was replaced.
      _ = try shell(
        "\(train) --epochs 100000 & run=$!; for i in $(seq 600); do "
          + "found=$(stat -c %y o.safetensors.training 2>/dev/null); "
          + "[ -n \"$found\" ] && [ \"$found\" != \"${first:=$found}\" ] && break; sleep 0.1; done; "
          + "kill -9 $run; wait",
        in: folder)
      #expect(try names(folder).contains("o.safetensors.training"))
      let y = try createRows(folder + "/y.npy", columns: 2)
      try y.write([Float](repeating: 0.5, count: 200))
      try y.finish()
      for (line, message) in [
        (train + " --epochs 200000 --seed 3", "with seed 0, not 3"),
        (train + " --epochs 200000 --learning-rate 1e-4", "learning-rate 0.002, not 0.0001"),
        (train.replacing("x.npy", with: "y.npy") + " --epochs 200000", "another 'data'"),
        (train.replacing("MAF", with: "NSF") + " --epochs 200000", "another 'flow'"),
        (train + " --epochs 200000 --robust", "with standardize deviation, not robust"),
        (train + " --epochs 200000 --no-standardize", "standardize deviation, not none"),
        (train + " --epochs 1", "more than the 1 of --epochs"),
      ] {
        let result = try shell(line + " --resume", in: folder)
        #expect(result.status == 1 && result.errors.contains(message), "\(result.errors)")
        #expect(result.errors.split(separator: "\n").count == 1)
      }
      #expect(try names(folder).contains("o.safetensors.training"))
    }
  }

  @Test("--resume does not train anew over a finished model")
  func finished() throws {
    try inWorkshop { folder in
      let train = "flowir train \(small) --data x.npy --output o.safetensors --epochs 2"
      #expect(try shell(train + " --resume", in: folder).status == 0)
      let model = FileManager.default.contents(atPath: folder + "/o.safetensors")
      let again = try shell(train + " --resume", in: folder)
      #expect(again.status == 1 && again.errors.contains("is a finished model"), "\(again.errors)")
      #expect(FileManager.default.contents(atPath: folder + "/o.safetensors") == model)
    }
  }

  @Test("a rate so high that no epoch is better than the untrained flow leaves no model")
  func neverBetter() throws {
    try inWorkshop { folder in
      let train =
        "flowir train \(small) --data x.npy --no-standardize --batch-size 50 --output o.safetensors "
        + "--epochs 3 "
      for rate in ["1e6", "1e3"] {
        let result = try shell(train + "--learning-rate \(rate)", in: folder)
        #expect(result.status == 1 && result.errors.contains("lower the learning rate"))
        #expect(result.errors.split(separator: "\n").count == 1 && result.output.isEmpty)
        #expect(try names(folder) == ["m.safetensors", "x.npy"])
      }
      #expect(try shell(train + "--learning-rate 1e-2", in: folder).status == 0)
    }
  }

  @Test("a fit that diverges ends with one line and leaves no model")
  func diverges() throws {
    try inWorkshop { folder in
      let far = try createRows(folder + "/far.npy", columns: 2)
      try far.write((0..<400).map { Float($0 % 7 - 3) * 1e15 })
      try far.finish()
      let result = try shell(
        "flowir train \(small) --data far.npy --batch-size 50 --output o.safetensors "
          + "--learning-rate 1e6 --epochs 3", in: folder)
      #expect(result.status == 1 && result.errors.contains("lower the learning rate"))
      #expect(try names(folder) == ["far.npy", "m.safetensors", "x.npy"])
    }
  }

  @Test("what float32 can't hold, or can't tell apart, is said")
  func narrowing() throws {
    try inWorkshop { folder in
      try "a,b\n0,1e39\n1,2\n".write(
        toFile: folder + "/far.csv", atomically: true, encoding: .utf8)
      let dates = try createRows(folder + "/dates.npy", columns: 2, type: .f64)
      try dates.write((0..<400).map { 2_459_000.5 + 0.01 * Double($0) })
      try dates.finish()
      var result = try shell(
        "flowir train \(small) --data far.csv --output o.safetensors", in: folder)
      #expect(result.status == 1, "\(result.errors)")
      #expect(result.errors.contains("row 2: column 2 is 1e+39, which float32 can't hold"))
      result = try shell(
        "flowir score m.safetensors --input far.csv --output o.npy --json", in: folder)
      #expect(result.status == 0 && result.output.contains("\"invalid_rows\": 1"))
      #expect(result.errors.contains("--dtype f64"))
      result = try shell(
        "flowir train \(small) --data dates.npy --output o.safetensors --epochs 1 --no-standardize",
        in: folder)
      #expect(result.errors.contains("float32 keeps"), "\(result.errors)")
      result = try shell(
        "flowir train \(small) --data dates.npy --output o.safetensors --epochs 1", in: folder)
      #expect(result.status == 0 && result.errors.isEmpty, "\(result.errors)")
    }
  }

  @Test("the gradient is that of the rows that are finite; the others are NaN and counted")
  func gradients() throws {
    try inWorkshop { folder in
      try "0.5,-0.5\n".write(toFile: folder + "/one.csv", atomically: true, encoding: .utf8)
      try "0.5,-0.5\nnan,0\n0,inf\n".write(
        toFile: folder + "/three.csv", atomically: true, encoding: .utf8)
      for name in ["one", "three"] {
        let result = try shell(
          "flowir gradient m.safetensors --input \(name).csv --output \(name).safetensors --json",
          in: folder)
        #expect(result.status == 0)
        if name == "three" { #expect(result.output.contains("\"invalid_rows\": 2")) }
      }
      let one = try SafetensorsFile(path: folder + "/one.safetensors")
      let three = try SafetensorsFile(path: folder + "/three.safetensors")
      #expect(three["x"]?.shape == [3, 2])
      #expect(three["x"]?.floats.map(\.isNaN) == [false, false, true, true, true, true])
      for name in one.names where name != "x" { #expect(one[name] == three[name], "\(name)") }
    }
  }

  @Test("a live stream is answered line by line")
  func live() throws {
    try inWorkshop { folder in
      let result = try shell(
        """
        mkfifo in out
        flowir score m.safetensors --input - --output - --line-buffered <in >out &
        exec 3>in 4<out
        for x in 0.5,1 0.25,2; do echo $x >&3; read -t 60 answer <&4 && echo "$answer"; done
        exec 3>&-; wait
        """, in: folder)
      #expect(result.output.split(separator: "\n").compactMap { Double($0) }.count == 2)
    }
  }
}
