namespace Delos.Tests.LocalStorage;

/// <summary>Copies of an open database's files, as the kill of its process would leave them.</summary>
internal sealed class RocksImage(string directory)
{
    private int _count;

    /// <summary>
    /// Makes one. What describes the database is copied before the files that it names, which never change; so the image is of the moment of the former, unless a file that it names has been merged into others and deleted by then.
    /// </summary>
    /// <returns>Its directory.</returns>
    public string Take(string store)
    {
        var image = Path.Combine(directory, $"image-{_count++}");
        Directory.CreateDirectory(image);
        foreach (var pattern in (string[])["CURRENT", "MANIFEST-*", "OPTIONS-*", "IDENTITY", "*.log", "*.sst"])
        {
            foreach (var path in Directory.EnumerateFiles(store, pattern))
            {
                try
                {
                    File.Copy(path, Path.Combine(image, Path.GetFileName(path)));
                }
                catch (FileNotFoundException)
                {
                    // Deleted since: if the image needs it, opening it will tell.
                }
            }
        }

        return image;
    }
}
