using Delos.Protocol.Messages;

namespace Delos.Runtime;

/// <summary>
/// The proposals that one replica put into one entry of the log, little-endian:
/// <code>
/// 0 u32 "DRT1" | 4 u8 version 1 | 5 u64 proposer | 13 u64 number | 21 i64 time, ms since 1970 | 29 u32 n | n × proposal
/// proposal: u8 kind | u8 has session | if so u64 session, u64 sequence, u64 floor | u32 length, payload
/// </code>
/// </summary>
/// <param name="Proposer">A random number of the proposing replica's process: whose waiters the answers are for.</param>
/// <param name="Number">Which of the proposer's batches it is.</param>
/// <param name="Time">The proposer's clock.</param>
/// <param name="Proposals">At least one.</param>
internal sealed record ProposalBatch(ulong Proposer, ulong Number, DateTimeOffset Time, IReadOnlyList<Proposal> Proposals)
{
    public const int HeaderSize = 33;

    /// <summary>Most proposals of one entry: an index below this fits into a session's id beside the position.</summary>
    public const int MaxProposals = 1 << 12;

    private const uint Magic = 0x31545244;
    private const byte Version = 1;

    public byte[] Encode()
    {
        var bytes = new byte[HeaderSize + Proposals.Sum(static p => p.Size)];
        var writer = new MessageWriter(bytes);
        writer.U32(Magic);
        writer.U8(Version);
        writer.U64(Proposer);
        writer.U64(Number);
        writer.I64(Time.ToUnixTimeMilliseconds());
        writer.U32((uint)Proposals.Count);
        foreach (var proposal in Proposals) proposal.Write(ref writer);
        return bytes;
    }

    /// <summary>Whether the entry was written by a runtime at all: others' are skipped, by all replicas alike.</summary>
    public static bool IsOne(ReadOnlySpan<byte> entry) => new MessageReader(entry).U32() == Magic;

    /// <summary>The batch in an entry, which its payloads lie in: it must not change as long as they are used.</summary>
    /// <exception cref="InvalidDataException">It makes no sense.</exception>
    /// <exception cref="IncompatibleProgramException">Only a newer version can read it.</exception>
    public static ProposalBatch Decode(ReadOnlyMemory<byte> entry)
    {
        var reader = new MessageReader(entry.Span);
        reader.U32();
        var version = reader.U8();
        if (version > Version) throw new IncompatibleProgramException($"The entry has format {version}; this program knows {Version}");
        if (version == 0) reader.Fail();
        var proposer = reader.U64();
        var number = reader.U64();
        var time = reader.I64();
        if (time < 0 || time > DateTimeOffset.MaxValue.ToUnixTimeMilliseconds()) reader.Fail();
        var count = reader.Count(6);
        if (count is 0 or > MaxProposals) reader.Fail();
        var proposals = new Proposal[reader.Failed ? 0 : count];
        for (var i = 0; i < proposals.Length; i++) proposals[i] = Proposal.Read(ref reader, entry);
        if (!reader.IsComplete) throw new InvalidDataException("The entry is no batch of proposals, though it begins like one.");
        return new ProposalBatch(proposer, number, DateTimeOffset.FromUnixTimeMilliseconds(time), proposals);
    }
}
