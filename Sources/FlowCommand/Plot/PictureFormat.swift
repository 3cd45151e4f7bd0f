import ArgumentParser
import FlowFiles
import FlowPlot
import FlowRuntime
import Foundation

/// The formats of pictures. SVG is written directly; PNG by librsvg's `rsvg-convert`.
enum PictureFormat {
  case svg
  case png

  /// The format that a file's ending names.
  init(path: String) throws {
    switch path.lowercased() {
    case let name where name.hasSuffix(".svg"): self = .svg
    case let name where name.hasSuffix(".png"): self = .png
    default: throw ValidationError("--output '\(path)' must end in .svg or .png")
    }
  }

  private static let converter = "rsvg-convert"

  /// The path of the converter.
  private static var converterPath: String? {
    let folders = (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":")
    return folders.lazy.map { "\($0)/\(converter)" }.first { path in
      var isFolder: ObjCBool = false
      return FileManager.default.fileExists(atPath: path, isDirectory: &isFolder)
        && !isFolder.boolValue && FileManager.default.isExecutableFile(atPath: path)
    }
  }

  /// Makes sure that pictures can be written, before any work.
  ///
  /// - Throws: `PictureError` if the converter is missing.
  func requireConverter() throws(PictureError) {
    if self == .png, Self.converterPath == nil { throw .noConverter }
  }

  /// The bytes of a picture; a PNG has two pixels for each of the SVG's.
  ///
  /// - Throws: `PictureError`.
  func bytes(of svg: SVG) throws(PictureError) -> [UInt8] {
    guard self == .png else { return Array(svg.text.utf8) }
    guard let path = Self.converterPath else { throw .noConverter }
    let process = Process()
    process.executableURL = URL(fileURLWithPath: path)
    process.arguments = ["--zoom", "2", "--unlimited", "--format", "png"]
    let (input, output, errors) = (Pipe(), Pipe(), Pipe())
    process.standardInput = input
    process.standardOutput = output
    process.standardError = errors
    let waitUntilEnded: () -> Void
    do {
      waitUntilEnded = try process.started()
    } catch {
      throw .failed("\(path) could not be started: \(error.localizedDescription)")
    }
    // The converter reads all of its input before it writes, and writes little to standard error.
    try? input.fileHandleForWriting.write(contentsOf: Data(svg.text.utf8))
    try? input.fileHandleForWriting.close()
    let data = output.fileHandleForReading.readDataToEndOfFile()
    let words = errors.fileHandleForReading.readDataToEndOfFile()
    waitUntilEnded()
    guard process.terminationStatus == 0, !data.isEmpty else {
      throw .failed(
        "\(path) ended with \(process.terminationStatus): "
          + String(decoding: words.prefix(500), as: UTF8.self))
    }
    return Array(data)
  }
}

/// Why a picture can't be written.
enum PictureError: Error, CustomStringConvertible {
  case noConverter
  case failed(String)

  var description: String {
    switch self {
    case .noConverter:
      "no rsvg-convert found in PATH, which makes .png files: install librsvg2-bin (Debian) or librsvg, "
        + "or write a .svg"
    case .failed(let reason): reason
    }
  }
}
