using Delos.Client.Admin;
using Delos.Client.Loglets;
using Delos.Protocol.Blocks;
using Delos.Protocol.Chains;
using Delos.Protocol.Entries;

namespace Delos.Client.Reconfiguration;

/// <summary>A sealed Loglet as it shall be copied: some entries patched or deleted, each with the append id that it had, so that appends are still resolved afterwards (DESIGN §3).</summary>
/// <param name="inner">The Loglet.</param>
/// <param name="edits">By its positions.</param>
internal sealed class EditedReader(ILogletReader inner, IReadOnlyDictionary<long, EntryEdit> edits) : ILogletReader
{
    private readonly HashSet<long> _unmet = [.. edits.Keys];

    public LogletConfig Config => inner.Config;

    /// <summary>A position whose edit no read has met yet.</summary>
    public long? Missing => _unmet.Count > 0 ? _unmet.Min() : null;

    public async ValueTask<ReadResult> ReadNextAsync(long min, long max, long bound, int maxBytes, CancellationToken cancellationToken)
    {
        var read = await inner.ReadNextAsync(min, max, bound, maxBytes, cancellationToken).ConfigureAwait(false);
        if (read.Count == 0 || !edits.Keys.Any(p => p >= read.First && p < read.First + read.Count)) return read;
        using (read) return new ReadResult(read.Status, read.First, read.Count, RetainedPayload.Copy(Edit(read)), read.TrimPoint);
    }

    private byte[] Edit(in ReadResult read)
    {
        using var edited = new MemoryStream();
        using var cursor = new EntryCursor(read.Entries);
        for (var position = read.First; cursor.MoveNext(); position++)
        {
            if (edits.TryGetValue(position, out var edit) && cursor.Header.Kind != EntryKind.Gap)
            {
                _unmet.Remove(position);
                edited.Write(Encode(cursor.Header.Id, edit));
            }
            else
            {
                edited.Write(cursor.Entry);
            }
        }

        return edited.ToArray();
    }

    private static byte[] Encode(AppendId id, EntryEdit edit)
    {
        var (kind, payload) = edit.Payload is { } replacement ? (EntryKind.Data, replacement) : (EntryKind.Deleted, default);
        var entry = new byte[EntryCodec.EncodedSize(payload.Length)];
        EntryCodec.Encode(entry, id, kind, payload.Span);
        return entry;
    }
}
