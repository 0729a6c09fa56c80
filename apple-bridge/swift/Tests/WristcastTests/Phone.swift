#if os(Linux)
    import Foundation
    import Glibc

    @testable import Wristcast

    /// A phone with the app: another process, which does as it is told, line by line, and which can
    /// be stopped and continued.
    final class Phone {
        /// The environment variable that makes a test the other process: the console's port.
        private static let port = "WRISTCAST_TEST_PHONE"

        /// The port that this process is to listen on, if it is a phone.
        static var isThis: UInt16? {
            ProcessInfo.processInfo.environment[port].flatMap(UInt16.init)
        }

        private let process = Process()
        private let orders = Pipe()
        private let answers = Pipe()
        private var read = Data()

        /// Runs the test `name` again, as a phone.
        init(test name: String, port: UInt16) throws {
            process.executableURL = try FileManager.default.destinationOfSymbolicLink(
                atPath: "/proc/self/exe"
            ).asFile
            process.arguments = [name]
            process.environment = ProcessInfo.processInfo.environment
                .merging([Self.port: String(port)]) { _, new in new }
            process.standardInput = orders
            process.standardOutput = answers
            try process.run()
            _ = try answer()
        }

        deinit {
            kill(process.processIdentifier, SIGKILL)
            process.waitUntilExit()
        }

        func order(_ order: String) {
            orders.fileHandleForWriting.write(Data("\(order)\n".utf8))
        }

        /// The next answer; what the test harness prints is none.
        func answer() throws -> String {
            while true {
                if let end = read.firstIndex(of: UInt8(ascii: "\n")) {
                    let line = String(decoding: read[..<end], as: UTF8.self)
                    read = Data(read[read.index(after: end)...])
                    if let mark = line.range(of: "answer: ") { return String(line[mark.upperBound...]) }
                    continue
                }
                let more = answers.fileHandleForReading.availableData
                if more.isEmpty { throw Ended() }
                read += more
            }
        }

        func report() throws -> ContinuityReport {
            order("report")
            return try JSONDecoder().decode(ContinuityReport.self, from: Data(answer().utf8))
        }

        /// Whether it stands still, as it was told to.
        var isStopped: Bool {
            let path = "/proc/\(process.processIdentifier)/stat"
            guard let stat = try? String(contentsOfFile: path, encoding: .utf8),
                let name = stat.range(of: ") ", options: .backwards)
            else { return false }
            return stat[name.upperBound...].hasPrefix("T")
        }

        func resume() {
            kill(process.processIdentifier, SIGCONT)
        }

        struct Ended: Error {}
    }

    extension String {
        fileprivate var asFile: URL { URL(fileURLWithPath: self) }
    }

    extension Phone {
        /// What the other process does: the app, with everything that it has, but audio.
        static func run(_ host: RelayHost, _ show: ShowValues, port: UInt16) {
            wait { try? await host.start(.values(show)) }
            answer("ready")
            while let order = readLine() {
                switch order {
                case "lock":
                    host.setAppState(.background)
                    host.setAppState(.locked)
                    // What iOS does to a suspended app: its sockets are there and give nothing.
                    silenceSockets(on: port)
                    kill(getpid(), SIGSTOP)
                    // Nobody told the app; it finds out by itself.
                    let back = "the app was suspended and runs again"
                    while !host.relay.pastEvents().contains(where: { $0.text.contains(back) }) {
                        usleep(1_000)
                    }
                    host.setAppState(.foreground)
                    answer("awake")
                case "rebinds":
                    answer("\(host.socketGuard.rebinds)")
                default:
                    let report = try? JSONEncoder().encode(host.continuity.report())
                    answer(String(decoding: report ?? Data(), as: UTF8.self))
                }
            }
        }

        private static func answer(_ text: String) {
            FileHandle.standardOutput.write(Data("\nanswer: \(text)\n".utf8))
        }

        private static func wait(_ work: @escaping @Sendable () async -> Void) {
            let done = DispatchSemaphore(value: 0)
            Task {
                await work()
                done.signal()
            }
            done.wait()
        }

        /// Connects every socket on `port` to somebody who never sends.
        private static func silenceSockets(on port: UInt16) {
            for descriptor in Int32(3)..<1024 {
                var own = sockaddr_in()
                var length = socklen_t(MemoryLayout<sockaddr_in>.size)
                let named = withUnsafeMutablePointer(to: &own) {
                    $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                        getsockname(descriptor, $0, &length)
                    }
                }
                guard named == 0, own.sin_family == sa_family_t(AF_INET), own.sin_port == port.bigEndian
                else { continue }
                var nobody = sockaddr_in()
                nobody.sin_family = sa_family_t(AF_INET)
                nobody.sin_port = UInt16(9).bigEndian
                nobody.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
                let connected = withUnsafePointer(to: &nobody) {
                    $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                        connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
                    }
                }
                precondition(connected == 0)
            }
        }
    }
#endif
