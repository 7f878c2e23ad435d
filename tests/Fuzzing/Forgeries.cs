using System.Buffers.Binary;
using Delos.Daemon.Storage;
using Delos.Protocol.Entries;

namespace Delos.Tests.Fuzzing;

/// <summary>Changes under checksums that hold: fields of record headers, entries and markers that no disk damages in this way, so that the code behind the checksums is reached. Nothing is promised of what is then read, but it must not crash, hang or eat memory.</summary>
internal static class Forgeries
{
    private static readonly int[] s_fields = [4, 5, 32, 40, 44, 48, 52, 64];

    public static Func<FuzzRandom, DiskImage, string> Of(LogTruth truth) => (random, image) =>
    {
        var done = "";
        for (var changes = random.Between(1, 4); changes > 0; changes--) done += (random.OneIn(4) ? ForgeMarker(random, image) : ForgeRecord(random, image, random.Pick([.. truth.Records]))) + "; ";
        return done;
    };

    private static string ForgeRecord(FuzzRandom random, DiskImage image, LogTruth.Record record)
    {
        var path = $"{record.Generation.Path}/{GenerationName.FileName((int)(record.Start >> record.Generation.Name.FileBits))}";
        var header = image.Files[path].AsSpan((int)(record.Start & (record.Generation.Name.FileBytes - 1)) + 4, RecordHeader.Size);
        var field = random.Pick(s_fields);
        if (random.OneIn(2)) BinaryPrimitives.WriteUInt64LittleEndian(header[Math.Min(field, 64)..], random.Number());
        else header[field] = (byte)random.Number();
        BinaryPrimitives.WriteUInt32LittleEndian(header, Crc32C.Compute(header[4..]));
        return $"{record}: field {field} forged";
    }

    private static string ForgeMarker(FuzzRandom random, DiskImage image)
    {
        var markers = image.Files.Keys.Where(p => p.EndsWith("/closed", StringComparison.Ordinal)).ToArray();
        if (markers.Length == 0) return "no marker";
        var path = random.Pick(markers);
        var buffer = new byte[image.Files[path].Length + 4096];
        image.Files[path].CopyTo(buffer, 0);

        // The version and the nonce stay, or nothing behind them is looked at.
        var length = 16 + Mutator.Mutate(random, buffer.AsSpan(16), image.Files[path].Length - 16);
        BinaryPrimitives.WriteUInt32LittleEndian(buffer, Crc32C.Compute(buffer.AsSpan(4, length - 4)));
        image.Files[path] = buffer[..length];
        return $"{path} forged";
    }
}
