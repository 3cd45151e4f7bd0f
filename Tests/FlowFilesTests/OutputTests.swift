import Foundation
import Testing

@testable import FlowFiles

@Suite struct OutputTests {
  private func inFolder(_ body: (String) throws -> Void) throws {
    let folder = try temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    try body(folder)
  }

  private func text(_ path: String) throws -> String {
    try String(contentsOfFile: path, encoding: .utf8)
  }

  private func put(_ text: String, _ path: String) throws {
    try text.write(toFile: path, atomically: false, encoding: .utf8)
  }

  private func refusal(_ body: () throws -> Void) throws -> String {
    "\(try #require(#expect(throws: FileError.self) { try body() }))"
  }

  @Test("outputs appear together, and nothing is left beside them")
  func together() throws {
    try inFolder { folder in
      let outputs = Outputs()
      let (a, b) = (try outputs.open(folder + "/a"), try outputs.open(folder + "/b"))
      try a.write("one".utf8)
      try b.write("two".utf8)
      #expect(!FileManager.default.fileExists(atPath: folder + "/a"))
      try outputs.commit()
      #expect(try text(folder + "/a") == "one" && text(folder + "/b") == "two")
      #expect(try FileManager.default.contentsOfDirectory(atPath: folder).sorted() == ["a", "b"])
    }
  }

  @Test("an intermediate file replaces an earlier one, or the error says why it could not")
  func intermediate() throws {
    try inFolder { folder in
      try put("longer than the next", folder + "/a")
      try Outputs.writeIntermediate(Array("next".utf8), to: folder + "/a")
      #expect(try text(folder + "/a") == "next")
      #expect(
        try refusal { try Outputs.writeIntermediate([1], to: folder + "/none/a") }
          .contains("none/a"))
    }
    #if os(Linux)
      #expect(
        try refusal { try Outputs.writeIntermediate([1], to: "/dev/full") }.contains("space"))
    #endif
  }

  /// The operating system writes less than 2^31 bytes at once.
  @Test("more than 2 GB are written whole")
  func large() throws {
    let count = 1 << 31 + 12345
    // Pages that nothing was written to take no memory.
    let memory = try #require(
      mmap(nil, count, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0))
    try #require(memory != MAP_FAILED)
    defer { munmap(memory, count) }
    try inFolder { folder in
      let path = folder + "/large"
      let descriptor = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0o600)
      defer { close(descriptor) }
      try #require(descriptor >= 0)
      try System.write(
        UnsafeRawBufferPointer(start: memory, count: count), to: descriptor, path: path)
      #expect(lseek(descriptor, 0, SEEK_END) == count)
    }
  }

  @Test("folders that killed runs left are removed, and the run's own at its end")
  func workFolders() throws {
    try inFolder { folder in
      for name in ["a.flowir.work-1", "a.flowir.work-2.removed"] {
        try FileManager.default.createDirectory(
          atPath: folder + "/" + name, withIntermediateDirectories: true)
        try put("left", folder + "/" + name + "/object.so.c")
      }
      let outputs = Outputs()
      let work = try outputs.open(folder + "/a").workFolder()
      try put("new", work + "/object.so.c")
      #expect(
        try FileManager.default.contentsOfDirectory(atPath: folder).sorted()
          == ["a.flowir.partial", (work as NSString).lastPathComponent])
      try outputs.commit()
      #expect(try FileManager.default.contentsOfDirectory(atPath: folder) == ["a"])
    }
  }

  @Test("a folder is removed although a process that lives on keeps writing to it")
  func removalWhileWritten() throws {
    try inFolder { folder in
      let work = folder + "/work"
      try FileManager.default.createDirectory(atPath: work, withIntermediateDirectories: true)
      // Enough files that more come while these are removed.
      for number in 0..<500 { try put("", work + "/early\(number)") }
      let (begun, ended) = (DispatchSemaphore(value: 0), DispatchSemaphore(value: 0))
      Thread.detachNewThread {
        for number in 0..<10_000 {
          let file = open(work + "/late\(number)", O_CREAT | O_WRONLY, 0o600)
          if file < 0 { break }
          close(file)
          if number == 0 { begun.signal() }
          usleep(100)
        }
        ended.signal()
      }
      begun.wait()
      FolderRemoval.remove(work, last: "early0")
      ended.wait()
      #expect(try FileManager.default.contentsOfDirectory(atPath: folder).isEmpty)
    }
  }

  @Test("where one output can't take its place, the others stay as they were")
  func rollback() throws {
    try inFolder { folder in
      try put("old", folder + "/a")
      let outputs = Outputs()
      for name in ["a", "new", "b"] { try outputs.open(folder + "/" + name).write("new".utf8) }
      // A folder has come where the last is to go.
      try FileManager.default.createDirectory(
        atPath: folder + "/b/c", withIntermediateDirectories: true)
      #expect(throws: FileError.self) { try outputs.commit() }
      #expect(try text(folder + "/a") == "old")
      #expect(try FileManager.default.contentsOfDirectory(atPath: folder).sorted() == ["a", "b"])
    }
  }

  @Test("what can't be an output is refused before anything is written")
  func refused() throws {
    try inFolder { folder in
      try put("x", folder + "/x")
      try FileManager.default.createSymbolicLink(
        atPath: folder + "/link", withDestinationPath: "x")
      try FileManager.default.linkItem(atPath: folder + "/x", toPath: folder + "/hard")
      for name in [
        "x", "link", "hard", "./x", "../" + (folder as NSString).lastPathComponent + "/x",
      ] {
        let message = try refusal {
          _ = try Outputs(inputs: [folder + "/x"]).open(folder + "/" + name)
        }
        #expect(message.contains("is an input of this command too"), "\(message)")
      }
      #expect(try refusal { _ = try Outputs().open(folder) }.contains("it is a folder"))
      #expect(try refusal { _ = try Outputs().open(folder + "/") }.contains("it is a folder"))
      #expect(
        try refusal { _ = try Outputs().open(folder + "/no/a") }.contains("/no does not exist"))
      #expect(try refusal { _ = try Outputs().open(folder + "/x/a") }.contains("/x"))
      #expect(try refusal { _ = try Outputs().open("/dev/null") }.contains("device"))
      #expect(try refusal { _ = try Outputs().open("") }.contains("not the name of a file"))
      #expect(
        try FileManager.default.contentsOfDirectory(atPath: folder).sorted()
          == ["hard", "link", "x"])
    }
  }

  @Test("one file twice is refused, by whatever names")
  func twice() throws {
    try inFolder { folder in
      let outputs = Outputs()
      _ = try outputs.open(folder + "/new")
      #expect(try refusal { _ = try outputs.open(folder + "/./new") }.contains("same file"))
      try put("x", folder + "/x")
      try FileManager.default.createSymbolicLink(
        atPath: folder + "/link", withDestinationPath: "x")
      _ = try outputs.open(folder + "/link")
      #expect(try refusal { _ = try outputs.open(folder + "/x") }.contains("same file"))
    }
  }

  @Test("an output in work is locked, and the second writer is told who has it")
  func locked() throws {
    try inFolder { folder in
      let first = Outputs()
      let file = try first.open(folder + "/a")
      try file.write("first".utf8)
      let message = try refusal { _ = try Outputs().open(folder + "/a") }
      #expect(message.contains("is writing it"), "\(message)")
      try first.commit()
      #expect(try text(folder + "/a") == "first")
      try Outputs.write("second".utf8, to: folder + "/a")
      #expect(try text(folder + "/a") == "second")
    }
  }

  @Test("permissions and links stay, and a link to nothing gets its file")
  func kept() throws {
    try inFolder { folder in
      try put("old", folder + "/a")
      try FileManager.default.setAttributes(
        [.posixPermissions: 0o640], ofItemAtPath: folder + "/a")
      for (link, target) in [("link", "a"), ("far", "later")] {
        try FileManager.default.createSymbolicLink(
          atPath: folder + "/" + link, withDestinationPath: target)
        try Outputs.write("new".utf8, to: folder + "/" + link)
      }
      let attributes = try FileManager.default.attributesOfItem(atPath: folder + "/a")
      #expect(attributes[.posixPermissions] as? Int == 0o640)
      #expect(
        try FileManager.default.destinationOfSymbolicLink(atPath: folder + "/link") == "a")
      #expect(try text(folder + "/a") == "new" && text(folder + "/later") == "new")
    }
  }

  @Test("remains of a killed run are removed, and never written through a link")
  func remains() throws {
    try inFolder { folder in
      try put("remains", folder + "/a.flowir.partial")
      try Outputs.write("new".utf8, to: folder + "/a")
      #expect(try text(folder + "/a") == "new")
      try put("mine", folder + "/mine")
      try FileManager.default.createSymbolicLink(
        atPath: folder + "/b.flowir.partial", withDestinationPath: "mine")
      #expect(throws: FileError.self) { try Outputs.write("new".utf8, to: folder + "/b") }
      #expect(try text(folder + "/mine") == "mine")
    }
  }

  @Test("a resumed file has the bytes of an uninterrupted one; another job's remains do not count")
  func resumed() throws {
    try inFolder { folder in
      let values = (0..<100).map { Float($0) }
      func write(_ name: String, _ values: ArraySlice<Float>, job: String) throws -> Int {
        let outputs = Outputs()
        let file = try outputs.open(folder + "/" + name, resume: true)
        let writer = try ResumableNPYWriter(file, type: .f32, fingerprint: job)
        let found = writer.rows
        if found > 0 { #expect(try writer.earlier(from: 1, count: 3) == [1, 2, 3]) }
        try writer.write(Array(values.dropFirst(found)))
        if values.count < 100 {
          // A kill leaves the file as it is now, and perhaps a part of a number.
          try FileManager.default.copyItem(
            atPath: folder + "/\(name).flowir.partial", toPath: folder + "/copy")
          return found
        }
        try writer.finish()
        try outputs.commit()
        return found
      }
      #expect(try write("whole.npy", values[...], job: "job") == 0)
      for (job, found) in [("job", 40), ("other job", 0)] {
        _ = try write("part.npy", values.prefix(40), job: "job")
        let bytes = try #require(FileManager.default.contents(atPath: folder + "/copy"))
        try (bytes + [1, 2]).write(to: URL(fileURLWithPath: folder + "/part.npy.flowir.partial"))
        try FileManager.default.removeItem(atPath: folder + "/copy")
        #expect(try write("part.npy", values[...], job: job) == found)
        #expect(
          FileManager.default.contents(atPath: folder + "/part.npy")
            == FileManager.default.contents(atPath: folder + "/whole.npy"))
      }
    }
  }
}
