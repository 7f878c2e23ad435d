using System.Globalization;

namespace Delos.Tests.Processes;

/// <summary>What the kernel knows of a process's TCP connections.</summary>
internal static class TcpConnections
{
    private const string Established = "01";

    /// <summary>Open connections that the process has dialled to that port, at any address.</summary>
    public static int From(int processId, int remotePort)
    {
        // The number of a socket's inode is all that ties the kernel's table, which is that of the whole network namespace, to a process.
        var own = Directory.EnumerateFileSystemEntries($"/proc/{processId}/fd").Select(Target).ToHashSet();
        var port = ":" + remotePort.ToString("X4", CultureInfo.InvariantCulture);
        return new[] { "tcp", "tcp6" }.SelectMany(table => File.ReadLines($"/proc/{processId}/net/{table}").Skip(1)).Count(line =>
        {
            var fields = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
            return fields[2].EndsWith(port, StringComparison.Ordinal) && fields[3] == Established && own.Contains($"socket:[{fields[9]}]");
        });
    }

    private static string? Target(string descriptor)
    {
        try
        {
            return new FileInfo(descriptor).LinkTarget;
        }
        catch (IOException)
        {
            // Closed meanwhile.
            return null;
        }
    }
}
