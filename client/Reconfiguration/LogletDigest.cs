using Delos.Client.Loglets;
using Delos.Protocol.Entries;
using Delos.Protocol.Framing;

namespace Delos.Client.Reconfiguration;

/// <summary>What a range of a Loglet holds, in short.</summary>
/// <param name="First">The lowest position held.</param>
/// <param name="Count">Entries.</param>
/// <param name="Crc">CRC32C of all of them, back to back, with their positions.</param>
internal readonly record struct LogletDigest(long First, long Count, uint Crc)
{
    private const int ReadBytes = 1 << 20;

    /// <param name="loglet">Of a segment that has its stop, or a finished copy of one.</param>
    /// <param name="length">The stop, as its position.</param>
    /// <param name="cancellationToken">Ends it.</param>
    public static async ValueTask<LogletDigest> ComputeAsync(ILogletReader loglet, long length, CancellationToken cancellationToken)
    {
        var position = 0L;
        var digest = new LogletDigest(-1, 0, Crc32C.Begin());
        while (position < length)
        {
            using var read = await loglet.ReadNextAsync(position, length, length, ReadBytes, cancellationToken).ConfigureAwait(false);
            switch (read.Status)
            {
                case StatusCode.Ok when read.Count == 0:
                    position = length;
                    break;
                case StatusCode.Ok:
                    digest = digest.Add(read);
                    position = read.First + read.Count;
                    break;
                case StatusCode.Trimmed when read.TrimPoint > position:
                    position = read.TrimPoint;
                    break;
                default:
                    throw new LogletException(loglet.Config.Id, read.Status, $"Reading {loglet.Config.Id} at {position}: {read.Status}.");
            }
        }

        return digest with { Crc = Crc32C.Finish(digest.Crc) };
    }

    private LogletDigest Add(in ReadResult read)
    {
        Span<byte> position = stackalloc byte[8];
        var (first, count, crc) = (First < 0 ? read.First : First, Count, Crc);
        using var cursor = new EntryCursor(read.Entries);
        while (cursor.MoveNext())
        {
            System.Buffers.Binary.BinaryPrimitives.WriteInt64LittleEndian(position, read.First + (count - Count));
            crc = Crc32C.Append(Crc32C.Append(crc, position), cursor.Entry);
            count++;
        }

        return new LogletDigest(first, count, crc);
    }
}
